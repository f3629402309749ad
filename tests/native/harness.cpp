#include "harness.h"

#include "device.h"

#include <cstdio>

namespace interfuse::test {

void expect(bool condition, const std::string& what) {
    if (!condition) {
        throw Failure(what);
    }
}

std::string describe(const void* element, size_t bytes, double value) {
    std::string text = "0x";
    for (size_t i = bytes; i-- > 0;) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<const unsigned char*>(element)[i]);
        text += digits;
    }
    char decimal[40];
    std::snprintf(decimal, sizeof decimal, " (%.9g)", value);
    return text + decimal;
}

CUdeviceptr allocate(size_t bytes) {
    CUdeviceptr pointer = 0;
    Device& device = Device::instance();
    device.check(device.cuMemAlloc_v2(&pointer, bytes), "cuMemAlloc");
    return pointer;
}

void release(CUdeviceptr pointer) {
    Device& device = Device::instance();
    if (const CUresult status = device.cuMemFree_v2(pointer); status != CUDA_SUCCESS) {
        // A destructor can't throw; the case is failed all the same.
        device.fail_case("cuMemFree: " + device.name_of(status));
    }
}

void upload(CUdeviceptr destination, const void* source, size_t bytes) {
    Device& device = Device::instance();
    device.check(device.cuMemcpyHtoDAsync_v2(destination, source, bytes, device.stream()), "cuMemcpyHtoDAsync");
    device.check(device.cuStreamSynchronize(device.stream()), "cuStreamSynchronize");
}

void download(void* destination, CUdeviceptr source, size_t bytes) {
    Device& device = Device::instance();
    device.check(device.cuMemcpyDtoHAsync_v2(destination, source, bytes, device.stream()), "cuMemcpyDtoHAsync");
    device.check(device.cuStreamSynchronize(device.stream()), "cuStreamSynchronize");
}

void launch_bytes(const char* kernel, Shape grid, Shape block, unsigned shared_bytes, const void* argument,
                  size_t argument_bytes) {
    Device& device = Device::instance();
    CUfunction function = device.function(kernel);
    if (device.cuFuncGetParamInfo != nullptr) {
        size_t offset = 0;
        size_t size = 0;
        device.check(device.cuFuncGetParamInfo(function, 0, &offset, &size), "cuFuncGetParamInfo");
        expect(size == argument_bytes, std::string(kernel) + ": the kernel's argument has " + std::to_string(size) +
                                           " bytes, the test's " + std::to_string(argument_bytes));
    }
    constexpr unsigned kSharedWithoutAsking = 48 << 10;
    if (shared_bytes > kSharedWithoutAsking) {
        device.check(device.cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                               static_cast<int>(shared_bytes)),
                     "cuFuncSetAttribute");
    }
    void* parameters[] = {const_cast<void*>(argument)};
    device.check(device.cuLaunchKernel(function, grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes,
                                       device.stream(), parameters, nullptr),
                 kernel);
    device.check(device.cuStreamSynchronize(device.stream()), kernel);
}

}  // namespace interfuse::test
