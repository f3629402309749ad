// Allocation, copies and fills.
#include "checks.h"

#include <algorithm>
#include <cstring>

namespace {

using namespace interfuse::test;

class WithStream : public WithContext {
public:
    WithStream() { ok(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate"); }
    ~WithStream() { cuStreamDestroy_v2(stream); }

    CUstream stream = nullptr;
};

const DriverCase poison("main", "fresh device memory is 0xFF throughout", [] {
    const WithStream with;
    CUdeviceptr pointer = 0;
    std::vector<unsigned char> bytes(1001, 0);
    ok(cuMemAlloc_v2(&pointer, bytes.size()), "cuMemAlloc");
    expect(pointer % 256 == 0, "device memory is aligned to 256 bytes");
    ok(cuMemcpyDtoHAsync_v2(bytes.data(), pointer, bytes.size(), with.stream), "DtoH");
    // Pageable memory: the copy is complete when the call returns.
    expect(std::count(bytes.begin(), bytes.end(), 0xFF) == 1001, "every byte");
    ok(cuMemFree_v2(pointer), "cuMemFree");
});

const DriverCase ranges("main", "copies and fills must stay inside one allocation", [] {
    const WithStream with;
    CUdeviceptr a = 0;
    CUdeviceptr b = 0;
    ok(cuMemAlloc_v2(&a, 1000), "cuMemAlloc");
    ok(cuMemAlloc_v2(&b, 1000), "cuMemAlloc");
    void* pinned = nullptr;
    ok(cuMemAllocHost_v2(&pinned, 100), "cuMemAllocHost");
    std::vector<char> host(2000);
    const CUresult bad[] = {
        cuMemcpyHtoDAsync_v2(a, host.data(), 1001, with.stream),
        cuMemcpyHtoDAsync_v2(a + 1, host.data(), 1000, with.stream),
        cuMemcpyHtoDAsync_v2(a - 1, host.data(), 1, with.stream),
        cuMemcpyHtoDAsync_v2(a + 1000, host.data(), 1, with.stream),
        cuMemcpyHtoDAsync_v2(a, host.data(), SIZE_MAX, with.stream),
        cuMemcpyHtoDAsync_v2(a, nullptr, 4, with.stream),
        cuMemcpyHtoDAsync_v2(a, static_cast<char*>(pinned) + 50, 51, with.stream),
        cuMemcpyDtoHAsync_v2(host.data(), b, 1001, with.stream),
        cuMemcpyDtoHAsync_v2(pinned, b, 101, with.stream),
        cuMemcpyDtoDAsync_v2(a, b + 500, 501, with.stream),
        cuMemcpyDtoDAsync_v2(a + 500, b, 501, with.stream),
        cuMemsetD8Async(a, 1, 1001, with.stream),
        cuMemsetD32Async(a, 1, 251, with.stream),
        cuMemsetD32Async(a + 2, 1, 1, with.stream),
        cuMemsetD32Async(a, 1, SIZE_MAX / 2, with.stream),
    };
    for (size_t i = 0; i < std::size(bad); ++i) {
        expect_status(CUDA_ERROR_INVALID_VALUE, bad[i], "call " + std::to_string(i));
    }
    ok(cuMemcpyHtoDAsync_v2(a, host.data(), 0, with.stream), "nothing to copy");
    ok(cuMemcpyHtoDAsync_v2(a + 999, host.data(), 1, with.stream), "the last byte");
    ok(cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    ok(cuMemFreeHost(pinned), "cuMemFreeHost");
    ok(cuMemFree_v2(a), "cuMemFree");
    ok(cuMemFree_v2(b), "cuMemFree");
});

const DriverCase transfers("main", "bytes arrive where they are sent", [] {
    const WithStream with;
    CUdeviceptr a = 0;
    CUdeviceptr b = 0;
    ok(cuMemAlloc_v2(&a, 64), "cuMemAlloc");
    ok(cuMemAlloc_v2(&b, 64), "cuMemAlloc");
    std::vector<unsigned char> source(64);
    for (size_t i = 0; i < source.size(); ++i) {
        source[i] = static_cast<unsigned char>(i);
    }
    ok(cuMemcpyHtoDAsync_v2(a, source.data(), 64, with.stream), "HtoD");
    std::fill(source.begin(), source.end(), 0);  // it was staged
    ok(cuMemcpyDtoDAsync_v2(b + 16, a, 32, with.stream), "DtoD");
    ok(cuMemsetD8Async(b, 7, 3, with.stream), "D8");
    ok(cuMemsetD32Async(b + 48, 0x01020304, 4, with.stream), "D32");
    void* pinned = nullptr;
    ok(cuMemAllocHost_v2(&pinned, 64), "cuMemAllocHost");
    expect(interfuse_software_live("host_memory") == 1, "pinned memory is counted");
    ok(cuMemcpyDtoHAsync_v2(pinned, b, 64, with.stream), "DtoH");
    ok(cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    std::vector<unsigned char> expected(64, 0xFF);
    std::fill_n(expected.begin(), 3, 7);
    for (size_t i = 0; i < 32; ++i) {
        expected[16 + i] = static_cast<unsigned char>(i);
    }
    for (size_t i = 48; i < 64; ++i) {
        expected[i] = static_cast<unsigned char>(4 - i % 4);
    }
    const auto* begin = static_cast<unsigned char*>(pinned);
    expect_equal(expected, std::vector<unsigned char>(begin, begin + 64), "bytes");
    ok(cuMemFreeHost(pinned), "cuMemFreeHost");
    ok(cuMemFree_v2(a), "cuMemFree");
    ok(cuMemFree_v2(b), "cuMemFree");
});

const DriverCase frees("main", "memory is freed once, and only what was allocated", [] {
    const WithContext with;
    CUdeviceptr pointer = 0;
    expect_status(CUDA_ERROR_INVALID_VALUE, cuMemAlloc_v2(&pointer, 0), "cuMemAlloc of nothing");
    ok(cuMemAlloc_v2(&pointer, 100), "cuMemAlloc");
    expect(interfuse_software_live("device_memory") == 1, "it is counted");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(pointer + 1), "cuMemFree in the middle");
    ok(cuMemFree_v2(pointer), "cuMemFree");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuMemFree_v2(pointer), "cuMemFree again");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuMemFreeHost(&pointer), "cuMemFreeHost");
    expect(interfuse_software_live("nonsense") == -1, "an unknown kind");
});

const DriverCase limit("memory_limit", "the device has as much memory as the environment says", [] {
    const WithContext with;
    size_t free = 0;
    size_t total = 0;
    CUdeviceptr a = 0;
    CUdeviceptr b = 0;
    ok(cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    expect(free == 1000000 && total == 1000000, "a million bytes");
    ok(cuMemAlloc_v2(&a, 600000), "cuMemAlloc");
    expect_status(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&b, 400001), "one byte too many");
    expect_status(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&b, SIZE_MAX), "far too many");
    ok(cuMemAlloc_v2(&b, 400000), "all that is left");
    ok(cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    expect(free == 0, "nothing is left");
    ok(cuMemFree_v2(a), "cuMemFree");
    ok(cuMemGetInfo_v2(&free, &total), "cuMemGetInfo");
    expect(free == 600000, "what was freed is there again");
    ok(cuMemFree_v2(b), "cuMemFree");
});

}  // namespace
