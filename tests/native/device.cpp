#include "device.h"

#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace interfuse::test {
namespace {

std::string from_environment(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value == nullptr || *value == '\0' ? otherwise : value;
}

/// `name` itself, or `name` in the lib folder beside the program's.
std::string locate(const std::string& name) {
    if (access(name.c_str(), R_OK) == 0) {
        return name.find('/') == std::string::npos ? "./" + name : name;
    }
    char program[4096];
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program);
    std::string folder(program, length < 0 ? 0 : static_cast<size_t>(length));
    folder.resize(folder.rfind('/') == std::string::npos ? 0 : folder.rfind('/'));
    const std::string beside = folder + "/../lib/" + name;
    return access(beside.c_str(), R_OK) == 0 ? beside : name;
}

std::vector<char> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    expect(file.good(), "can't read the module " + path + "; name it with INTERFUSE_CUDA_MODULE");
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    // PTX is text, and the driver expects it to end in a zero.
    bytes.push_back('\0');
    return bytes;
}

}  // namespace

Device& Device::instance() {
    static Device device;
    return device;
}

template <class Function>
void Device::bind(Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library_, name));
    expect(function != nullptr, driver_name_ + " has no function " + name);
}

Device::Device() {
    driver_name_ = locate(from_environment("INTERFUSE_CUDA_DRIVER", "libinterfuse_software_cuda.so"));
    library_ = dlopen(driver_name_.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) {
        throw Failure("can't open the driver; name it with INTERFUSE_CUDA_DRIVER: " + std::string(dlerror()));
    }
    bind(cuMemAlloc_v2, "cuMemAlloc_v2");
    bind(cuMemFree_v2, "cuMemFree_v2");
    bind(cuMemcpyHtoDAsync_v2, "cuMemcpyHtoDAsync_v2");
    bind(cuMemcpyDtoHAsync_v2, "cuMemcpyDtoHAsync_v2");
    bind(cuStreamSynchronize, "cuStreamSynchronize");
    bind(cuLaunchKernel, "cuLaunchKernel");
    bind(cuFuncSetAttribute, "cuFuncSetAttribute");
    cuFuncGetParamInfo =
        reinterpret_cast<decltype(cuFuncGetParamInfo)>(dlsym(library_, "cuFuncGetParamInfo"));

    decltype(&::cuInit) init;
    decltype(&::cuDeviceGet) get_device;
    decltype(&::cuDevicePrimaryCtxRetain) retain;
    decltype(&::cuCtxSetCurrent) set_current;
    decltype(&::cuStreamCreate) create_stream;
    decltype(&::cuModuleLoadData) load;
    bind(init, "cuInit");
    bind(get_device, "cuDeviceGet");
    bind(retain, "cuDevicePrimaryCtxRetain");
    bind(set_current, "cuCtxSetCurrent");
    bind(create_stream, "cuStreamCreate");
    bind(load, "cuModuleLoadData");

    check(init(0), "cuInit");
    check(get_device(&device_, std::stoi(from_environment("INTERFUSE_CUDA_DEVICE", "0"))), "cuDeviceGet");
    CUcontext context = nullptr;
    check(retain(&context, device_), "cuDevicePrimaryCtxRetain");
    check(set_current(context), "cuCtxSetCurrent");
    check(create_stream(&stream_, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    const std::string module = locate(from_environment("INTERFUSE_CUDA_MODULE", "interfuse_software_kernels.so"));
    check(load(&module_, read(module).data()), "cuModuleLoadData " + module);
}

Device::~Device() {
    decltype(&::cuModuleUnload) unload;
    decltype(&::cuStreamDestroy_v2) destroy_stream;
    decltype(&::cuDevicePrimaryCtxRelease_v2) release;
    bind(unload, "cuModuleUnload");
    bind(destroy_stream, "cuStreamDestroy_v2");
    bind(release, "cuDevicePrimaryCtxRelease_v2");
    unload(module_);
    destroy_stream(stream_);
    release(device_);
}

CUfunction Device::function(const char* kernel) {
    CUfunction& function = functions_[kernel];
    if (function == nullptr) {
        decltype(&::cuModuleGetFunction) get;
        bind(get, "cuModuleGetFunction");
        check(get(&function, module_, kernel), std::string("cuModuleGetFunction ") + kernel);
    }
    return function;
}

std::string Device::name_of(CUresult status) const {
    const auto get = reinterpret_cast<decltype(&::cuGetErrorName)>(dlsym(library_, "cuGetErrorName"));
    const char* name = nullptr;
    if (get != nullptr) {
        get(status, &name);
    }
    return name == nullptr ? "error " + std::to_string(status) : name;
}

void Device::check(CUresult status, const std::string& call) const {
    if (status != CUDA_SUCCESS) {
        throw Failure(call + ": " + name_of(status));
    }
}

std::string Device::take_failure() {
    std::string message;
    message.swap(failure_);
    return message;
}

std::string Device::leaks() {
    const auto live =
        reinterpret_cast<decltype(&::interfuse_software_live)>(dlsym(library_, "interfuse_software_live"));
    const int64_t buffers = live == nullptr ? 0 : live("device_memory");
    return buffers == 0 ? "" : std::to_string(buffers) + " buffers were not freed";
}

}  // namespace interfuse::test
