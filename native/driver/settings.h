// What the environment says, read once when the library is loaded.
#pragma once

#include "../simt/module.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace interfuse::driver {

struct Settings {
    /// INTERFUSE_SOFTWARE_DEVICES
    int devices = 1;
    /// INTERFUSE_SOFTWARE_MEMORY, bytes of each device
    size_t memory = size_t{2} << 30;
    /// INTERFUSE_SOFTWARE_THREADS, processor threads a launch may use
    uint32_t threads = 1;
    /// INTERFUSE_SOFTWARE_ORDER and INTERFUSE_SOFTWARE_SEED
    simt::Order order = simt::Order::kForward;
    uint64_t seed = 0;
    /// INTERFUSE_SOFTWARE_FAULT
    std::string faults;
    /// A variable could not be understood. A message was printed; cuInit refuses to go on.
    bool invalid = false;
};

const Settings& settings();

/// One line on standard error, after the driver's name.
[[gnu::format(printf, 1, 2)]] void say(const char* format, ...);

}  // namespace interfuse::driver
