// Streams, events, and several threads of the host at once.
#include "checks.h"

#include <chrono>
#include <thread>

namespace {

using namespace interfuse::test;

/// Device memory for 256 floats, zero at first.
class Numbers {
public:
    explicit Numbers(CUstream stream) : stream_(stream) {
        ok(cuMemAlloc_v2(&pointer, kBytes), "cuMemAlloc");
        ok(cuMemsetD8Async(pointer, 0, kBytes, stream), "cuMemsetD8Async");
        ok(cuStreamSynchronize(stream), "cuStreamSynchronize");
    }
    ~Numbers() { cuMemFree_v2(pointer); }
    Numbers(const Numbers&) = delete;
    Numbers& operator=(const Numbers&) = delete;

    float last() const {
        float value = -1;
        ok(cuMemcpyDtoHAsync_v2(&value, pointer + kBytes - 4, 4, stream_), "DtoH");
        return value;
    }

    static constexpr size_t kBytes = 256 * 4;
    CUdeviceptr pointer = 0;

private:
    CUstream stream_;
};

/// A kernel on a stream that ends only when the host says so.
class Gate {
public:
    Gate(const WithModule& with, const Numbers& result) {
        void* word = nullptr;
        ok(cuMemAllocHost_v2(&word, sizeof *word_), "cuMemAllocHost");
        word_ = static_cast<unsigned*>(word);
        *word_ = 0;
        ok(launch(with.function("good_wait"), with.stream, 1, 256, 0,
                  {reinterpret_cast<uintptr_t>(word), result.pointer, kResult, 0}),
           "launch");
    }
    ~Gate() {
        open();
        cuMemFreeHost(word_);
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    void open() { __atomic_store_n(word_, 1, __ATOMIC_RELEASE); }

    static constexpr unsigned kResult = 77;

private:
    unsigned* word_ = nullptr;
};

constexpr unsigned kManySteps = 10000;

const DriverCase asynchronous("main", "a launch returns before the kernel ends", [] {
    const WithModule with;
    const Numbers a(with.stream);
    Gate gate(with, a);
    expect_status(CUDA_ERROR_NOT_READY, cuStreamQuery(with.stream), "cuStreamQuery");
    gate.open();
    ok(cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    ok(cuStreamQuery(with.stream), "cuStreamQuery");
    expect(a.last() == Gate::kResult, "the kernel ran");
});

const DriverCase events_order("main", "a stream waits for an event of another", [] {
    const WithModule with;
    CUstream other = nullptr;
    CUevent event = nullptr;
    ok(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    ok(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    ok(cuEventQuery(event), "an event that was never recorded is complete");
    ok(cuStreamWaitEvent(other, event, 0), "and can be waited for");
    {
        const Numbers a(with.stream);
        const Numbers b(with.stream);
        Gate gate(with, b);
        ok(cuEventRecord(event, with.stream), "cuEventRecord");
        expect_status(CUDA_ERROR_NOT_READY, cuEventQuery(event), "cuEventQuery");
        ok(cuStreamWaitEvent(other, event, 0), "cuStreamWaitEvent");
        ok(cuMemcpyDtoDAsync_v2(a.pointer, b.pointer, Numbers::kBytes, other), "DtoD");
        expect_status(CUDA_ERROR_NOT_READY, cuStreamQuery(other), "the other stream waits");
        gate.open();
        ok(cuStreamSynchronize(other), "cuStreamSynchronize");
        expect(a.last() == Gate::kResult, "the copy came after the kernel");
        ok(cuEventSynchronize(event), "cuEventSynchronize");
    }
    ok(cuEventDestroy_v2(event), "cuEventDestroy");
    ok(cuStreamDestroy_v2(other), "cuStreamDestroy");
});

const DriverCase elapsed("main", "events measure time", [] {
    const WithModule with;
    CUevent first = nullptr;
    CUevent second = nullptr;
    CUevent untimed = nullptr;
    ok(cuEventCreate(&first, CU_EVENT_DEFAULT), "cuEventCreate");
    ok(cuEventCreate(&second, CU_EVENT_DEFAULT), "cuEventCreate");
    ok(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuEventCreate(&first, 64), "unknown flags");
    expect(interfuse_software_live("event") == 3, "events are counted");
    float milliseconds = -1;
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&milliseconds, first, second), "not recorded");
    {
        const Numbers a(with.stream);
        ok(cuEventRecord(first, with.stream), "cuEventRecord");
        ok(cuEventSynchronize(first), "cuEventSynchronize");
        Gate gate(with, a);
        ok(cuEventRecord(second, with.stream), "cuEventRecord");
        ok(cuEventRecord(untimed, with.stream), "cuEventRecord");
        expect_status(CUDA_ERROR_NOT_READY, cuEventElapsedTime(&milliseconds, first, second), "not reached");
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        gate.open();
        ok(cuEventSynchronize(second), "cuEventSynchronize");
    }
    ok(cuEventElapsedTime(&milliseconds, first, second), "cuEventElapsedTime");
    expect(milliseconds >= 2, "as long as the kernel was kept waiting");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuEventElapsedTime(&milliseconds, first, untimed), "without timing");
    for (const CUevent event : {first, second, untimed}) {
        ok(cuEventDestroy_v2(event), "cuEventDestroy");
    }
});

const DriverCase handles("main", "handles that are none are refused", [] {
    const WithModule with;
    int nothing = 0;
    const auto stream = reinterpret_cast<CUstream>(&nothing);
    const auto event = reinterpret_cast<CUevent>(&nothing);
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(stream), "cuStreamSynchronize");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy_v2(stream), "cuStreamDestroy");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuStreamSynchronize(nullptr), "the default stream");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuEventRecord(event, with.stream), "cuEventRecord");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuEventDestroy_v2(event), "cuEventDestroy");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuStreamWaitEvent(with.stream, event, 0), "cuStreamWaitEvent");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(reinterpret_cast<CUmodule>(&nothing)), "cuModuleUnload");
    expect_status(CUDA_ERROR_INVALID_HANDLE,
                  launch(reinterpret_cast<CUfunction>(&nothing), with.stream, 1, 1, 0, {}), "launch");
    CUstream created = nullptr;
    expect_status(CUDA_ERROR_INVALID_VALUE, cuStreamCreate(&created, 8), "unknown flags");
});

const DriverCase destroyed("main", "a destroyed stream finishes its work first", [] {
    const WithModule with;
    const Numbers a(with.stream);
    CUstream other = nullptr;
    ok(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    ok(launch(with.function("good_slow"), other, 1, 256, 0, {a.pointer, a.pointer, kManySteps, 0}), "launch");
    ok(cuStreamDestroy_v2(other), "cuStreamDestroy");
    expect_status(CUDA_ERROR_INVALID_HANDLE, cuStreamDestroy_v2(other), "cuStreamDestroy again");
    expect(a.last() == kManySteps, "the kernel ran");
});

const DriverCase threads("main", "several threads of the host work at once", [] {
    const WithModule with;
    std::vector<std::string> failures(4);
    std::vector<std::thread> workers;
    for (size_t w = 0; w < failures.size(); ++w) {
        workers.emplace_back([&with, &failure = failures[w], w] {
            try {
                const WithContext own;
                CUstream stream = nullptr;
                ok(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
                for (unsigned round = 0; round < 8; ++round) {
                    const Numbers a(stream);
                    const auto count = static_cast<unsigned>(10 * w + round);
                    ok(launch(with.function("good_slow"), stream, 1, 256, 0, {a.pointer, a.pointer, count, 0}),
                       "launch");
                    expect(a.last() == static_cast<float>(count), "its own result");
                }
                ok(cuStreamDestroy_v2(stream), "cuStreamDestroy");
            } catch (const Failure& problem) {
                failure = problem.what();
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    for (const std::string& failure : failures) {
        expect(failure.empty(), failure);
    }
});

}  // namespace
