#include "module.h"

#include "context.h"
#include "settings.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace interfuse::driver {
namespace {

#if defined(__x86_64__)
constexpr int kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr int kMachine = EM_AARCH64;
#endif

/// The length of the shared library at `image`, from its own headers; 0 if it isn't one for this machine. The driver
/// API passes no length, so the headers have to be believed, as a real driver believes a fatbin's.
size_t library_size(const void* image) {
    // Stops at the first byte that differs: an image that is no library may be shorter than a library's headers.
    if (std::strncmp(static_cast<const char*>(image), ELFMAG, SELFMAG) != 0) {
        return 0;
    }
    Elf64_Ehdr header;
    std::memcpy(&header, image, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != kMachine || header.e_type != ET_DYN ||
        header.e_phentsize != sizeof(Elf64_Phdr)) {
        return 0;
    }
    size_t size = header.e_shoff + size_t{header.e_shnum} * header.e_shentsize;
    for (int i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        std::memcpy(&segment, static_cast<const char*>(image) + header.e_phoff + i * sizeof segment, sizeof segment);
        size = std::max<size_t>(size, segment.p_offset + segment.p_filesz);
    }
    return size;
}

/// A file in memory that holds `bytes`; negative if there is no room.
int memory_file(const void* bytes, size_t size) {
    const int file = memfd_create("interfuse-kernels", MFD_CLOEXEC);
    const auto* next = static_cast<const char*>(bytes);
    while (file >= 0 && size > 0) {
        const ssize_t written = write(file, next, size);
        if (written <= 0) {
            close(file);
            return -1;
        }
        next += written;
        size -= static_cast<size_t>(written);
    }
    return file;
}

}  // namespace

std::shared_ptr<Module> Module::load(const void* image) {
    const size_t size = library_size(image);
    if (size == 0) {
        say("cuModuleLoadData: the image is not a shared library for this machine; "
            "the software device needs interfuse_software_kernels.so");
        return nullptr;
    }
    const int file = memory_file(image, size);
    if (file < 0) {
        throw std::bad_alloc();
    }
    // The file stays open as long as the library: the loader knows libraries by their path, so this path must not come
    // to mean another one, and sanitizers read it to name the lines of a report.
    char path[64];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        say("cuModuleLoadData: %s", dlerror());
        close(file);
        return nullptr;
    }
    const auto entry = reinterpret_cast<simt::ModuleEntry>(dlsym(library, simt::kModuleEntry));
    const simt::Module* module = entry == nullptr ? nullptr : entry();
    if (module == nullptr || module->version != simt::kModuleVersion) {
        say(module == nullptr ? "cuModuleLoadData: the shared library holds no emulated kernels"
                              : "cuModuleLoadData: the kernels were built for another version of this driver");
        dlclose(library);
        close(file);
        return nullptr;
    }
    return std::shared_ptr<Module>(new Module(file, library, module));
}

Module::~Module() {
    module_->close();
    dlclose(library_);
    close(file_);
}

const simt::Kernel* Module::find(const char* name) const {
    const simt::Kernel* kernel = module_->kernels;
    while (kernel != nullptr && std::strcmp(kernel->name, name) != 0) {
        kernel = kernel->next;
    }
    return kernel;
}

Registry<Module>& modules() {
    static Registry<Module>& instance = *new Registry<Module>;
    return instance;
}

Registry<Function>& functions() {
    static Registry<Function>& instance = *new Registry<Function>;
    return instance;
}

}  // namespace interfuse::driver

using namespace interfuse::driver;

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
    return in_context([&](Context&) {
        if (module == nullptr || image == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        std::shared_ptr<Module> loaded = Module::load(image);
        if (loaded == nullptr) {
            return CUDA_ERROR_INVALID_IMAGE;
        }
        *module = static_cast<CUmodule>(const_cast<void*>(modules().add(std::move(loaded))));
        return CUDA_SUCCESS;
    });
}

CUresult cuModuleUnload(CUmodule module) {
    return free_in_context([&](Context&) {
        const std::shared_ptr<Module> unloaded = modules().remove(module);
        if (unloaded == nullptr) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        for (const auto& function : functions().all()) {
            if (function->module == unloaded) {
                functions().remove(function.get());
            }
        }
        return CUDA_SUCCESS;
    });
}

CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    return in_context([&](Context&) {
        if (function == nullptr || name == nullptr || *name == '\0') {
            return CUDA_ERROR_INVALID_VALUE;
        }
        std::shared_ptr<Module> found = modules().find(module);
        if (found == nullptr) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        const interfuse::simt::Kernel* kernel = found->find(name);
        if (kernel == nullptr) {
            return CUDA_ERROR_NOT_FOUND;
        }
        // Asked twice, the same handle, as from the real driver.
        for (const auto& known : functions().all()) {
            if (known->kernel == kernel) {
                *function = reinterpret_cast<CUfunction>(known.get());
                return CUDA_SUCCESS;
            }
        }
        auto created = std::make_shared<Function>();
        created->module = std::move(found);
        created->kernel = kernel;
        created->max_dynamic_shared_bytes = 48 << 10;
        *function = static_cast<CUfunction>(const_cast<void*>(functions().add(std::move(created))));
        return CUDA_SUCCESS;
    });
}
