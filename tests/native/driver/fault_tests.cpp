// Failures: those of kernels, and those injected.
#include "checks.h"

namespace {

using namespace interfuse::test;

const DriverCase sticky("main", "a failed kernel fails everything after it, and frees are still counted", [] {
    {
        const WithModule with;
        CUdeviceptr memory = 0;
        CUevent event = nullptr;
        ok(cuMemAlloc_v2(&memory, 1024), "cuMemAlloc");
        ok(cuEventCreate(&event, 0), "cuEventCreate");
        ok(launch(with.function("bug_trap"), with.stream, 2, 64, 0, {memory, memory, 0, 0}), "launch");
        expect_status(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(with.stream), "cuStreamSynchronize");
        CUdeviceptr more = 0;
        expect_status(CUDA_ERROR_LAUNCH_FAILED, cuMemAlloc_v2(&more, 4), "cuMemAlloc");
        expect_status(CUDA_ERROR_LAUNCH_FAILED, cuStreamQuery(with.stream), "cuStreamQuery");
        expect_status(CUDA_ERROR_LAUNCH_FAILED, cuEventRecord(event, with.stream), "cuEventRecord");
        expect_status(CUDA_ERROR_LAUNCH_FAILED, cuMemFree_v2(memory), "cuMemFree");
        expect_status(CUDA_ERROR_LAUNCH_FAILED, cuEventDestroy_v2(event), "cuEventDestroy");
    }
    // The last release resets the device.
    expect_nothing_live();
    const WithModule again;
    ok(cuStreamSynchronize(again.stream), "cuStreamSynchronize");
});

const DriverCase skipped("main", "what is queued behind a failed kernel is not run", [] {
    const WithModule with;
    CUdeviceptr memory = 0;
    ok(cuMemAlloc_v2(&memory, 1024), "cuMemAlloc");
    ok(cuMemsetD8Async(memory, 0, 1024, with.stream), "cuMemsetD8Async");
    ok(launch(with.function("good_slow"), with.stream, 1, 256, 0, {memory, memory, 2000, 0}), "launch");
    ok(launch(with.function("bug_trap"), with.stream, 2, 64, 0, {memory, memory, 0, 0}), "launch");
    // The kernel may have failed by now, or not yet.
    const CUresult fill = cuMemsetD8Async(memory, 1, 1024, with.stream);
    expect(fill == CUDA_SUCCESS || fill == CUDA_ERROR_LAUNCH_FAILED, "cuMemsetD8Async");
    expect_status(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    interfuse_software_fault("");
    unsigned word = 0;
    ok(cuMemcpyDtoHAsync_v2(&word, memory + 1020, 4, with.stream), "DtoH");
    expect(word != 0x01010101u, "the fill was not run");
    ok(cuMemFree_v2(memory), "cuMemFree");
});

const DriverCase allocations("main", "the N-th allocation fails, and only that one", [] {
    const WithContext with;
    CUdeviceptr pointers[3] = {};
    interfuse_software_fault("alloc:2,host_alloc:1");
    ok(cuMemAlloc_v2(&pointers[0], 4), "first");
    expect_status(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&pointers[1], 4), "second");
    ok(cuMemAlloc_v2(&pointers[2], 4), "third");
    void* pinned = nullptr;
    expect_status(CUDA_ERROR_OUT_OF_MEMORY, cuMemAllocHost_v2(&pinned, 4), "first pinned");
    ok(cuMemAllocHost_v2(&pinned, 4), "second pinned");
    expect(interfuse_software_live("device_memory") == 2, "two are live");
    ok(cuMemFreeHost(pinned), "cuMemFreeHost");
    ok(cuMemFree_v2(pointers[0]), "cuMemFree");
    ok(cuMemFree_v2(pointers[2]), "cuMemFree");
});

const DriverCase copies("main", "the N-th copy fails", [] {
    const WithModule with;
    CUdeviceptr memory = 0;
    ok(cuMemAlloc_v2(&memory, 8), "cuMemAlloc");
    interfuse_software_fault("copy:3");
    int host = 5;
    ok(cuMemcpyHtoDAsync_v2(memory, &host, 4, with.stream), "first");
    ok(cuMemcpyDtoDAsync_v2(memory + 4, memory, 4, with.stream), "second");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuMemcpyDtoHAsync_v2(&host, memory, 4, with.stream), "third");
    ok(cuMemcpyDtoHAsync_v2(&host, memory + 4, 4, with.stream), "fourth");
    ok(cuMemFree_v2(memory), "cuMemFree");
});

const DriverCase launches("main", "the N-th launch fails for good", [] {
    const WithModule with;
    const CUfunction function = with.function("good_early_return");
    interfuse_software_fault("launch:2");
    ok(launch(function, with.stream, 1, 32, 0, {}), "first");
    expect_status(CUDA_ERROR_LAUNCH_FAILED, launch(function, with.stream, 1, 32, 0, {}), "second");
    expect_status(CUDA_ERROR_LAUNCH_FAILED, launch(function, with.stream, 1, 32, 0, {}), "third");
    expect_status(CUDA_ERROR_LAUNCH_FAILED, cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    interfuse_software_fault("");
    ok(launch(function, with.stream, 1, 32, 0, {}), "after the fault was taken away");
});

const DriverCase lost("main", "on a lost device every call fails, and frees are still counted", [] {
    const WithModule with;
    CUdeviceptr memory = 0;
    void* pinned = nullptr;
    CUevent event = nullptr;
    CUstream stream = nullptr;
    interfuse_software_fault("lost:5");
    ok(cuMemAlloc_v2(&memory, 4), "first");
    ok(cuMemAllocHost_v2(&pinned, 4), "second");
    ok(cuEventCreate(&event, 0), "third");
    ok(cuStreamCreate(&stream, 0), "fourth");
    int count = 0;
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuStreamSynchronize(stream), "fifth");
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuDeviceGetCount(&count), "cuDeviceGetCount");
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuInit(0), "cuInit");
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuMemFree_v2(memory), "cuMemFree");
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuMemFreeHost(pinned), "cuMemFreeHost");
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuEventDestroy_v2(event), "cuEventDestroy");
    expect_status(CUDA_ERROR_DEVICE_UNAVAILABLE, cuStreamDestroy_v2(stream), "cuStreamDestroy");
    for (const char* kind : {"device_memory", "host_memory", "event"}) {
        expect(interfuse_software_live(kind) == 0, kind);
    }
});

const DriverCase nonsense("main", "faults that make no sense inject none", [] {
    const WithContext with;
    for (const char* faults : {"alloc", "alloc:0", "alloc:x", "allocs:1", "alloc:1;copy:1", "alloc:-1"}) {
        interfuse_software_fault(faults);
        CUdeviceptr memory = 0;
        ok(cuMemAlloc_v2(&memory, 4), faults);
        ok(cuMemFree_v2(memory), "cuMemFree");
    }
});

const DriverCase environment("fault_in_environment", "the environment injects faults too", [] {
    const WithContext with;
    CUdeviceptr memory = 0;
    expect_status(CUDA_ERROR_OUT_OF_MEMORY, cuMemAlloc_v2(&memory, 4), "first");
    ok(cuMemAlloc_v2(&memory, 4), "second");
    ok(cuMemFree_v2(memory), "cuMemFree");
});

}  // namespace
