// Faults injected on purpose: the N-th allocation, copy or launch fails, or the device is lost at the N-th call.
#pragma once

#include <cstdint>
#include <mutex>

namespace interfuse::driver {

class Faults {
public:
    enum Kind { kAlloc, kHostAlloc, kCopy, kLaunch, kLost, kKinds };

    /// The process's faults, at first those of INTERFUSE_SOFTWARE_FAULT.
    static Faults& instance();

    /// Whether `text` is a comma list of `kind:N`, N from 1. Says what is wrong with it if not.
    static bool parses(const char* text);

    /// Forgets all counts and takes the faults of `text`; none of them if it doesn't parse.
    void replace(const char* text);

    /// Counts one call of `kind`; true if this one has to fail.
    bool strikes(Kind kind);

    /// Counts one driver call; true if the device is lost, now or before.
    bool lost();

private:
    struct Plan {
        uint64_t at[kKinds] = {};
    };

    explicit Faults(const char* text) { replace(text); }

    static bool parse(const char* text, Plan& plan);

    std::mutex mutex_;
    Plan plan_;
    uint64_t counts_[kKinds] = {};
};

}  // namespace interfuse::driver
