#include "faults.h"

#include "settings.h"

#include <cstdlib>
#include <cstring>
#include <string>

namespace interfuse::driver {
namespace {

constexpr const char* kNames[Faults::kKinds] = {"alloc", "host_alloc", "copy", "launch", "lost"};

}  // namespace

Faults& Faults::instance() {
    static Faults& faults = *new Faults(settings().faults.c_str());
    return faults;
}

bool Faults::parses(const char* text) {
    Plan plan;
    return parse(text, plan);
}

bool Faults::parse(const char* text, Plan& plan) {
    std::string rest = text == nullptr ? "" : text;
    while (!rest.empty()) {
        const size_t comma = rest.find(',');
        const std::string item = rest.substr(0, comma);
        rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
        const size_t colon = item.find(':');
        const std::string name = item.substr(0, colon);
        const std::string count = colon == std::string::npos ? "" : item.substr(colon + 1);
        int kind = 0;
        while (kind < kKinds && name != kNames[kind]) {
            ++kind;
        }
        const bool digits = !count.empty() && count.find_first_not_of("0123456789") == std::string::npos;
        const uint64_t at = digits ? std::strtoull(count.c_str(), nullptr, 10) : 0;
        if (kind == kKinds || at == 0) {
            say("fault '%s': expected alloc:N, host_alloc:N, copy:N, launch:N or lost:N with N from 1", item.c_str());
            return false;
        }
        plan.at[kind] = at;
    }
    return true;
}

void Faults::replace(const char* text) {
    Plan plan;
    if (!parse(text, plan)) {
        plan = Plan{};
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    plan_ = plan;
    std::memset(counts_, 0, sizeof counts_);
}

bool Faults::strikes(Kind kind) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ++counts_[kind] == plan_.at[kind];
}

bool Faults::lost() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ++counts_[kLost] >= plan_.at[kLost] && plan_.at[kLost] != 0;
}

}  // namespace interfuse::driver
