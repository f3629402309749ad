// Devices, each with its one primary context, and what every entry point checks first.
#pragma once

#include "cuda_api.h"

#include <atomic>
#include <new>
#include <system_error>

namespace interfuse::driver {

/// A device's primary context. There is one for each device for the whole life of the process; retains make it usable.
class Context {
public:
    explicit Context(int device) : device_(device) {}

    int device() const { return device_; }
    bool alive() const { return retains_.load() > 0; }
    int retains() const { return retains_.load(); }
    void retain() { ++retains_; }
    /// False if it was not retained. The last release clears a sticky failure, as resetting a real context does.
    bool release();

    /// The failure that every later call returns, or CUDA_SUCCESS.
    CUresult failure() const { return static_cast<CUresult>(failure_.load()); }
    void fail(CUresult status);
    void clear_failure() { failure_ = CUDA_SUCCESS; }

private:
    const int device_;
    std::atomic<int> retains_{0};
    std::atomic<int> failure_{CUDA_SUCCESS};
};

/// Null if there is no such device.
Context* context_of(int device);

/// Counts the call. CUDA_ERROR_DEVICE_UNAVAILABLE if the device is lost, CUDA_ERROR_NOT_INITIALIZED before cuInit.
CUresult begin_call();

/// The calling thread's live context: CUDA_ERROR_INVALID_CONTEXT if it has none, CUDA_ERROR_CONTEXT_IS_DESTROYED if it
/// was released. Does not look for sticky failures.
CUresult current_context(Context*& context);

/// Runs an entry point's body, and turns C++ exceptions into a status.
template <class Body>
CUresult guarded(Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    } catch (const std::system_error&) {
        return CUDA_ERROR_OPERATING_SYSTEM;
    }
}

/// `body(context)`, if the driver, the device and the calling thread's context are fit for work.
template <class Body>
CUresult in_context(Body body) noexcept {
    return guarded([&] {
        Context* context = nullptr;
        if (const CUresult status = begin_call(); status != CUDA_SUCCESS) {
            return status;
        }
        if (const CUresult status = current_context(context); status != CUDA_SUCCESS) {
            return status;
        }
        return context->failure() != CUDA_SUCCESS ? context->failure() : body(*context);
    });
}

/// For functions that free something. After a sticky failure or on a lost device a real driver has lost the object
/// anyway, so it is freed here, and counted as freed, and the failure is returned.
template <class Body>
CUresult free_in_context(Body body) noexcept {
    return guarded([&] {
        Context* context = nullptr;
        const CUresult call = begin_call();
        if (const CUresult status = current_context(context); status != CUDA_SUCCESS) {
            return call != CUDA_SUCCESS ? call : status;
        }
        const CUresult failure = call != CUDA_SUCCESS ? call : context->failure();
        const CUresult status = body(*context);
        return failure != CUDA_SUCCESS ? failure : status;
    });
}

}  // namespace interfuse::driver
