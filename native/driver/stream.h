// Streams are threads that work through a queue; events are counters that a stream advances.
#pragma once

#include "context.h"
#include "objects.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
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

class Event {
public:
    using Clock = std::chrono::steady_clock;

    explicit Event(bool timed) : timed_(timed) {}

    bool timed() const { return timed_; }

    /// Announces one more recording and returns its number.
    uint64_t announce();
    /// The recording `number` has been reached.
    void reach(uint64_t number);
    /// The number of the latest announced recording; 0 if there was none.
    uint64_t latest();
    void wait(uint64_t number);
    /// True if no announced recording is outstanding; `at` is when the latest was reached.
    bool done(Clock::time_point& at);

private:
    const bool timed_;
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t announced_ = 0;
    uint64_t reached_ = 0;
    Clock::time_point at_;
};

Registry<Stream>& streams();
Registry<Event>& events();

/// The stream of a handle, or null. The default stream counts as none: the engine never uses it, and doing so is a bug.
std::shared_ptr<Stream> find_stream(CUstream stream);

void synchronize_all_streams();

}  // namespace interfuse::driver
