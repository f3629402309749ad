// Streams: threads that work through a queue.
#pragma once

#include "context.h"
#include "objects.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace interfuse::driver {

class Stream {
public:
    explicit Stream(Context& context) : context_(context), worker_([this] { work(); }) {}
    /// Finishes what is queued.
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    Context& context() const { return context_; }

    /// Queues work that is skipped once the context has failed.
    void push(std::function<void()> work);

    /// Queues work that is done whatever happened before.
    void push_always(std::function<void()> work);

    void synchronize();
    bool idle();

private:
    void work();

    Context& context_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool busy_ = false;
    bool stopping_ = false;
    std::thread worker_;
};

Registry<Stream>& streams();

/// The stream of a handle, or null. The default stream counts as none: the engine never uses it, and doing so is a bug.
std::shared_ptr<Stream> find_stream(CUstream stream);

void synchronize_all_streams();

/// Runs an entry point's `body(stream)`, if the handle is a stream's.
template <class Body>
CUresult with_stream(CUstream handle, Body body) noexcept {
    return in_context([&](Context&) {
        const std::shared_ptr<Stream> stream = find_stream(handle);
        return stream == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(*stream);
    });
}

}  // namespace interfuse::driver
