// Runs all cases, or those whose names contain one of the arguments.
#include "device.h"

#include <chrono>
#include <cstdio>

namespace interfuse::test {
namespace {

struct Entry {
    const char* name;
    std::function<void()> body;
};

std::vector<Entry>& cases() {
    static std::vector<Entry> entries;
    return entries;
}

bool is_wanted(const std::string& name, int count, char** arguments) {
    bool wanted = count <= 1;
    for (int i = 1; i < count; ++i) {
        wanted |= name.find(arguments[i]) != std::string::npos;
    }
    return wanted;
}

/// The reason why the case failed, or nothing.
std::string run(const Entry& entry) {
    std::string reason;
    try {
        entry.body();
    } catch (const std::exception& problem) {
        reason = problem.what();
    }
    const std::string late = Device::instance().take_failure();
    if (reason.empty()) {
        reason = !late.empty() ? late : Device::instance().leaks();
    }
    return reason;
}

}  // namespace

Case::Case(const char* name, std::function<void()> body) {
    cases().push_back({name, std::move(body)});
}

}  // namespace interfuse::test

int main(int count, char** arguments) {
    using namespace interfuse::test;
    int failed = 0;
    int ran = 0;
    try {
        Device::instance();
        for (const Entry& entry : cases()) {
            if (!is_wanted(entry.name, count, arguments)) {
                continue;
            }
            const auto start = std::chrono::steady_clock::now();
            const std::string reason = run(entry);
            const auto taken = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start);
            ++ran;
            failed += reason.empty() ? 0 : 1;
            std::printf("%s %8.1f ms  %s%s%s\n", reason.empty() ? "ok    " : "FAILED", taken.count(), entry.name,
                        reason.empty() ? "" : ": ", reason.c_str());
            std::fflush(stdout);
        }
    } catch (const std::exception& problem) {
        std::printf("%s\n", problem.what());
        return 1;
    }
    std::printf("%d cases, %d failed\n", ran, failed);
    return failed != 0 || ran == 0 ? 1 : 0;
}
