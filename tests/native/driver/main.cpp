// Runs the driver's tests of one group: driver_tests GROUP MODULE.
#include "checks.h"

#include <cstdio>
#include <fstream>
#include <iterator>

namespace interfuse::test {
namespace {

struct Entry {
    std::string group;
    const char* name;
    std::function<void()> body;
};

std::vector<Entry>& cases() {
    static std::vector<Entry> entries;
    return entries;
}

std::vector<char>& image() {
    static std::vector<char> bytes;
    return bytes;
}

int run(const std::string& group) {
    int ran = 0;
    int failed = 0;
    for (const Entry& entry : cases()) {
        if (entry.group != group) {
            continue;
        }
        ++ran;
        std::string reason;
        try {
            entry.body();
            expect_nothing_live();
        } catch (const std::exception& problem) {
            reason = problem.what();
            ++failed;
        }
        interfuse_software_fault("");
        std::printf("%s %s%s%s\n", reason.empty() ? "ok    " : "FAILED", entry.name, reason.empty() ? "" : ": ",
                    reason.c_str());
        std::fflush(stdout);
    }
    std::printf("%d tests, %d failed\n", ran, failed);
    return ran == 0 || failed != 0 ? 1 : 0;
}

}  // namespace

DriverCase::DriverCase(const char* group, const char* name, std::function<void()> body) {
    cases().push_back({group, name, std::move(body)});
}

const std::vector<char>& module_image() {
    return image();
}

}  // namespace interfuse::test

int main(int count, char** arguments) {
    if (count != 3) {
        std::printf("usage: driver_tests GROUP MODULE\n");
        return 1;
    }
    std::ifstream file(arguments[2], std::ios::binary);
    interfuse::test::image().assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    return interfuse::test::run(arguments[1]);
}
