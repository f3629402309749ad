// Initialisation, contexts, what the device says of itself, and names of errors.
#include "checks.h"

#include <cstring>

namespace {

using namespace interfuse::test;

// First in its group: nothing may have called cuInit before.
const DriverCase before_init("uninitialised", "before cuInit every call says so", [] {
    int value = 0;
    CUcontext context = nullptr;
    CUdeviceptr pointer = 0;
    expect_status(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&value), "cuDeviceGetCount");
    expect_status(CUDA_ERROR_NOT_INITIALIZED, cuDevicePrimaryCtxRetain(&context, 0), "cuDevicePrimaryCtxRetain");
    expect_status(CUDA_ERROR_NOT_INITIALIZED, cuMemAlloc_v2(&pointer, 4), "cuMemAlloc");
    ok(cuDriverGetVersion(&value), "cuDriverGetVersion");
    expect(value == 12040, "the version is 12.4's");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuInit(1), "cuInit(1)");
});

const DriverCase without_context("main", "without a current context nothing works", [] {
    ok(cuInit(0), "cuInit");
    CUdeviceptr pointer = 0;
    CUstream stream = nullptr;
    CUevent event = nullptr;
    CUmodule module = nullptr;
    size_t bytes = 0;
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuMemAlloc_v2(&pointer, 4), "cuMemAlloc");
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuMemGetInfo_v2(&bytes, &bytes), "cuMemGetInfo");
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuStreamCreate(&stream, 0), "cuStreamCreate");
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuEventCreate(&event, 0), "cuEventCreate");
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuModuleLoadData(&module, module_image().data()), "cuModuleLoadData");
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuMemFree_v2(4096), "cuMemFree");
});

const DriverCase released("main", "a released context can't be used until it is retained again", [] {
    ok(cuInit(0), "cuInit");
    CUcontext context = nullptr;
    ok(cuDevicePrimaryCtxRetain(&context, 0), "retain");
    ok(cuDevicePrimaryCtxRetain(&context, 0), "retain");
    ok(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    expect(interfuse_software_live("context") == 2, "two retains are counted");
    ok(cuDevicePrimaryCtxRelease_v2(0), "release");
    size_t free = 0;
    size_t total = 0;
    ok(cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    ok(cuDevicePrimaryCtxRelease_v2(0), "release");
    expect_status(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    expect_status(CUDA_ERROR_INVALID_CONTEXT, cuDevicePrimaryCtxRelease_v2(0), "one release too many");
    expect_status(CUDA_ERROR_CONTEXT_IS_DESTROYED, cuCtxSetCurrent(context), "cuCtxSetCurrent");
    ok(cuCtxSetCurrent(nullptr), "cuCtxSetCurrent");
});

const DriverCase device("main", "the device describes itself", [] {
    ok(cuInit(0), "cuInit");
    int value = 0;
    ok(cuDeviceGetCount(&value), "cuDeviceGetCount");
    expect(value == 1, "one device");
    CUdevice device = -1;
    ok(cuDeviceGet(&device, 0), "cuDeviceGet");
    expect_status(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, 1), "cuDeviceGet");
    expect_status(CUDA_ERROR_INVALID_DEVICE, cuDeviceGet(&device, -1), "cuDeviceGet");
    char name[64] = "";
    ok(cuDeviceGetName(name, sizeof name, 0), "cuDeviceGetName");
    expect(std::strcmp(name, "Interfuse software device") == 0, "its name");
    char short_name[6] = "";
    ok(cuDeviceGetName(short_name, sizeof short_name, 0), "cuDeviceGetName");
    expect(std::strcmp(short_name, "Inter") == 0, "its name is cut to the caller's buffer");
    size_t bytes = 0;
    ok(cuDeviceTotalMem_v2(&bytes, 0), "cuDeviceTotalMem");
    expect(bytes == size_t{2} << 30, "2 GiB by default");
    const struct {
        CUdevice_attribute attribute;
        int value;
    } attributes[] = {
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9}, {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32}, {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 16},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448},
        {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
    };
    for (const auto& wanted : attributes) {
        ok(cuDeviceGetAttribute(&value, wanted.attribute, 0), "cuDeviceGetAttribute");
        expect(value == wanted.value, "attribute " + std::to_string(wanted.attribute) + " is " + std::to_string(value));
    }
    expect_status(CUDA_ERROR_INVALID_VALUE, cuDeviceGetAttribute(&value, static_cast<CUdevice_attribute>(0), 0), "0");
    expect_status(CUDA_ERROR_INVALID_DEVICE, cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_WARP_SIZE, 3), "3");
});

const DriverCase names("main", "errors have the names of cuda.h", [] {
    const char* text = nullptr;
    ok(cuGetErrorName(CUDA_ERROR_OUT_OF_MEMORY, &text), "cuGetErrorName");
    expect(std::strcmp(text, "CUDA_ERROR_OUT_OF_MEMORY") == 0, "2");
    ok(cuGetErrorString(CUDA_ERROR_LAUNCH_FAILED, &text), "cuGetErrorString");
    expect(std::strcmp(text, "unspecified launch failure") == 0, "719");
    for (const int code : {0,   1,   2,   3,   4,   34,  46,  100, 101, 200, 201, 209, 214, 218, 300, 301, 304,
                           400, 500, 600, 700, 701, 702, 709, 716, 717, 718, 719, 801, 999}) {
        ok(cuGetErrorName(static_cast<CUresult>(code), &text), "cuGetErrorName " + std::to_string(code));
        ok(cuGetErrorString(static_cast<CUresult>(code), &text), "cuGetErrorString " + std::to_string(code));
    }
    expect_status(CUDA_ERROR_INVALID_VALUE, cuGetErrorName(static_cast<CUresult>(12345), &text), "cuGetErrorName");
    expect(text == nullptr, "an unknown code has no name");
});

// ---- processes with an environment of their own

const DriverCase no_devices("no_devices", "without a device cuInit says so", [] {
    expect_status(CUDA_ERROR_NO_DEVICE, cuInit(0), "cuInit");
    int count = 0;
    expect_status(CUDA_ERROR_NOT_INITIALIZED, cuDeviceGetCount(&count), "cuDeviceGetCount");
});

const DriverCase two_devices("two_devices", "each device has its own context, memory and failures", [] {
    const WithContext second(1);
    CUdeviceptr pointer = 0;
    ok(cuMemAlloc_v2(&pointer, 1000), "cuMemAlloc");
    size_t free = 0;
    size_t total = 0;
    ok(cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    expect(total - free == 1000, "the second device's memory is used");
    {
        const WithContext first(0);
        ok(cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
        expect(total == free, "the first device's is not");
    }
    CUcontext context = nullptr;
    ok(cuDevicePrimaryCtxRetain(&context, 1), "retain");
    ok(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    ok(cuMemFree_v2(pointer), "cuMemFree");
    ok(cuDevicePrimaryCtxRelease_v2(1), "release");
});

const DriverCase bad_environment("bad_environment", "an environment that makes no sense is refused", [] {
    expect_status(CUDA_ERROR_INVALID_VALUE, cuInit(0), "cuInit");
});

}  // namespace
