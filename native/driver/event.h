// Events: counters that streams advance, and wait for.
#pragma once

#include "objects.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace interfuse::driver {

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

Registry<Event>& events();

}  // namespace interfuse::driver
