#include "settings.h"

#include "faults.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace interfuse::driver {
namespace {

// Half of a thousand stacks for each of more workers than this would meet the system's limit of mappings.
constexpr unsigned kDefaultThreads = 8;

uint64_t number(const char* name, uint64_t otherwise, uint64_t least, uint64_t most, bool& invalid) {
    const char* text = std::getenv(name);
    if (text == nullptr || *text == '\0') {
        return otherwise;
    }
    char* end = nullptr;
    errno = 0;
    const uint64_t value = std::strtoull(text, &end, 0);
    if (*text == '-' || errno != 0 || *end != '\0' || value < least || value > most) {
        say("%s=%s: expected a whole number from %llu to %llu", name, text, static_cast<unsigned long long>(least),
            static_cast<unsigned long long>(most));
        invalid = true;
        return otherwise;
    }
    return value;
}

Settings read() {
    Settings result;
    bool& invalid = result.invalid;
    const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    result.devices = static_cast<int>(number("INTERFUSE_SOFTWARE_DEVICES", 1, 0, 16, invalid));
    result.memory = number("INTERFUSE_SOFTWARE_MEMORY", result.memory, 0, uint64_t{1} << 46, invalid);
    result.threads = static_cast<uint32_t>(
        number("INTERFUSE_SOFTWARE_THREADS", std::min(processors, kDefaultThreads), 1, 64, invalid));
    result.seed = number("INTERFUSE_SOFTWARE_SEED", 0, 0, UINT64_MAX, invalid);
    if (const char* order = std::getenv("INTERFUSE_SOFTWARE_ORDER"); order != nullptr && *order != '\0') {
        if (std::strcmp(order, "reverse") == 0) {
            result.order = simt::Order::kReverse;
        } else if (std::strcmp(order, "shuffled") == 0) {
            result.order = simt::Order::kShuffled;
        } else if (std::strcmp(order, "forward") != 0) {
            say("INTERFUSE_SOFTWARE_ORDER=%s: expected forward, reverse or shuffled", order);
            invalid = true;
        }
    }
    if (const char* faults = std::getenv("INTERFUSE_SOFTWARE_FAULT"); faults != nullptr) {
        result.faults = faults;
        invalid |= !Faults::parses(faults);
    }
    return result;
}

// Read now, while the library is being loaded, rather than at the first call.
[[maybe_unused]] const Settings& loaded = settings();

}  // namespace

const Settings& settings() {
    static const Settings& instance = *new Settings(read());
    return instance;
}

void say(const char* format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    // One call, so that lines of several threads do not mix.
    std::fprintf(stderr, "interfuse software driver: %s\n", line);
}

}  // namespace interfuse::driver
