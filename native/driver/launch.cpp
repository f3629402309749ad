// Functions and their launches.
#include "faults.h"
#include "module.h"
#include "settings.h"
#include "stream.h"

#include <cstring>
#include <new>

using namespace interfuse::driver;
namespace simt = interfuse::simt;

namespace {

constexpr int kMaxSharedBytes = 227 << 10;

template <class Body>
CUresult with_function(CUfunction handle, Body body) {
    return in_context([&](Context& context) {
        const std::shared_ptr<Function> function = functions().find(handle);
        return function == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(context, function);
    });
}

/// A launch's own copy of the kernel's argument: the caller may change his as soon as the call returns.
class Argument {
public:
    Argument(const simt::Kernel& kernel, const void* value)
        : alignment_(static_cast<std::align_val_t>(kernel.argument_alignment)),
          bytes_(::operator new(kernel.argument_size, alignment_)) {
        std::memcpy(bytes_, value, kernel.argument_size);
    }
    ~Argument() { ::operator delete(bytes_, alignment_); }
    Argument(const Argument&) = delete;
    Argument& operator=(const Argument&) = delete;

    const void* get() const { return bytes_; }

private:
    std::align_val_t alignment_;
    void* bytes_;
};

bool is_possible(const simt::Dim3& grid, const simt::Dim3& block) {
    const bool grid_fits = grid.x >= 1 && grid.x <= 0x7FFFFFFFu && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 &&
                           grid.z <= 65535;
    const bool block_fits = block.x >= 1 && block.x <= 1024 && block.y >= 1 && block.y <= 1024 && block.z >= 1 &&
                            block.z <= 64;
    return grid_fits && block_fits && block.x * block.y * block.z <= 1024;
}

/// Runs on the stream's thread.
void run(Context& context, const Function& function, const Argument& argument, const simt::Dim3& grid,
         const simt::Dim3& block, unsigned shared_bytes) {
    char message[400] = "";
    const Settings& set = settings();
    const simt::Launch launch{function.kernel, argument.get(), grid,     block,   shared_bytes,
                              set.threads,     set.order,      set.seed, message, sizeof message};
    if (!function.module->run(launch)) {
        context.fail(CUDA_ERROR_LAUNCH_FAILED);
        say("kernel %s failed: %s", function.kernel->name, message);
    }
}

}  // namespace

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
    return with_function(function, [&](Context&, const std::shared_ptr<Function>& found) {
        if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) {
            return value < -1 || value > 100 ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
        }
        if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 || value > kMaxSharedBytes) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        found->max_dynamic_shared_bytes = value;
        return CUDA_SUCCESS;
    });
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
    return with_function(function, [&](Context&, const std::shared_ptr<Function>& found) {
        if (value == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        switch (attribute) {
            case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
                *value = 1024;
                return CUDA_SUCCESS;
            case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
                *value = found->max_dynamic_shared_bytes;
                return CUDA_SUCCESS;
            case CU_FUNC_ATTRIBUTE_PTX_VERSION:
            case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
                *value = 90;
                return CUDA_SUCCESS;
            case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
                *value = -1;
                return CUDA_SUCCESS;
            case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
            case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
            case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
            case CU_FUNC_ATTRIBUTE_NUM_REGS:
            case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
                // Not known of a function compiled for a CPU.
                *value = 0;
                return CUDA_SUCCESS;
        }
        return CUDA_ERROR_INVALID_VALUE;
    });
}

CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t* offset, size_t* size) {
    return with_function(function, [&](Context&, const std::shared_ptr<Function>& found) {
        if (index != 0 || offset == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *offset = 0;
        if (size != nullptr) {
            *size = found->kernel->argument_size;
        }
        return CUDA_SUCCESS;
    });
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream, void** parameters,
                        void** extra) {
    return with_function(function, [&](Context& context, const std::shared_ptr<Function>& found) {
        const std::shared_ptr<Stream> queue = find_stream(stream);
        if (queue == nullptr) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        const simt::Dim3 grid{grid_x, grid_y, grid_z};
        const simt::Dim3 block{block_x, block_y, block_z};
        if (extra != nullptr) {
            return CUDA_ERROR_NOT_SUPPORTED;
        }
        if (!is_possible(grid, block) || parameters == nullptr || parameters[0] == nullptr ||
            shared_bytes > static_cast<unsigned>(found->max_dynamic_shared_bytes)) {
            say("cuLaunchKernel: impossible launch of %s: grid (%u,%u,%u), block (%u,%u,%u), %u bytes of shared memory "
                "(at most %d)",
                found->kernel->name, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes,
                found->max_dynamic_shared_bytes.load());
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (Faults::instance().strikes(Faults::kLaunch)) {
            context.fail(CUDA_ERROR_LAUNCH_FAILED);
            say("kernel %s failed: a fault was injected", found->kernel->name);
            return CUDA_ERROR_LAUNCH_FAILED;
        }
        auto argument = std::make_shared<Argument>(*found->kernel, parameters[0]);
        queue->push([&context, found, argument, grid, block, shared_bytes] {
            run(context, *found, *argument, grid, block, shared_bytes);
        });
        return CUDA_SUCCESS;
    });
}
