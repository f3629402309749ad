// Launches one kernel of deliberate_bugs.cu and says what came of it, in words that ctest looks for:
//   "failed: CUDA_ERROR_..."   the launch failed (and the driver said why, on standard error)
//   "wrong: element N"         it ended, with a wrong result
//   "clean"                    it ended, with the right result
#include "device.h"

#include <cmath>
#include <cstdio>

namespace {

using namespace interfuse::test;

struct BugArguments {
    float* data;
    float* result;
    unsigned count;
    unsigned unused;
};

struct Bug {
    const char* name;
    unsigned grid;
    unsigned block;
    unsigned shared_bytes;
    /// Elements of data and of result.
    unsigned data;
    unsigned results;
    unsigned count;
    /// The right result's element `i`, where `data[i]` is `i`.
    double (*expected)(unsigned i);
};

double nothing(unsigned) {
    return 0;
}

const Bug kBugs[] = {
    {"good_block_sum", 64, 256, 0, 64 * 256, 64, 0, [](unsigned i) { return 256.0 * 256 * i + 255 * 128; }},
    {"good_reverse", 64, 128, 128 * 4, 64 * 128, 64 * 128, 0,
     [](unsigned i) { return i / 128 * 128 + 127.0 - i % 128; }},
    {"good_half_warps", 1, 256, 0, 256, 256, 0,
     // The lower half-warp swaps three times, the upper four times.
     [](unsigned i) { const unsigned j = i ^ 16; return static_cast<double>(j % 32 < 16 ? j ^ 1 : j); }},
    {"good_last_block", 32, 64, 0, 1, 33, 0, [](unsigned i) { return i == 0 ? 31.0 * 16 : i - 1.0; }},
    {"good_early_return", 1, 256, 0, 1, 100, 100, [](unsigned) { return 100.0; }},
    {"bug_missing_barrier", 1, 256, 0, 256, 256, 0, [](unsigned i) { return i == 0 ? 0.0 : i - 1.0; }},
    {"bug_missing_warp_barrier", 1, 32, 0, 32, 32, 0, [](unsigned i) { return static_cast<double>(i ^ 1); }},
    {"bug_unsynchronised_write", 4, 64, 0, 1, 1, 0, [](unsigned) { return 256.0; }},
    {"bug_write_across_blocks", 512, 64, 0, 1, 1, 0, [](unsigned) { return 511.0; }},
    {"bug_global_overrun", 1, 64, 0, 64, 64, 0, [](unsigned i) { return i == 0 ? 0.0 : 1.0; }},
    {"bug_static_shared_overrun", 1, 64, 0, 64, 64, 1, nothing},
    {"bug_dynamic_shared_overrun", 1, 64, 256, 64, 64, 1, nothing},
    {"bug_divergent_shuffle", 1, 32, 0, 32, 32, 0, nothing},
    {"bug_outside_own_mask", 1, 32, 0, 32, 32, 0, nothing},
    {"bug_shuffle_with_returned_lanes", 1, 32, 0, 32, 32, 20, nothing},
    {"bug_shuffle_from_missing_lane", 1, 12, 0, 32, 32, 0, nothing},
    {"bug_deadlock", 1, 64, 0, 64, 64, 0, nothing},
    {"bug_divergent_barrier", 1, 64, 0, 64, 64, 0, nothing},
    {"bug_trap", 2, 64, 0, 128, 128, 0, nothing},
    {"bug_uninitialised_shared", 1, 64, 0, 64, 64, 0, [](unsigned) { return 1.0; }},
    {"bug_uninitialised_dynamic_shared", 1, 64, 256, 64, 64, 0, [](unsigned) { return 1.0; }},
    {"bug_undefined_shift", 1, 1, 0, 1, 1, 0, nothing},
};

void run(const Bug& bug) {
    std::vector<float> values(bug.data);
    for (size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(i);
    }
    const Buffer<float> data(values);
    const Buffer<float> result(std::vector<float>(bug.results, 0.0f));
    try {
        launch(bug.name, {bug.grid}, {bug.block}, bug.shared_bytes,
               BugArguments{data.get(), result.get(), bug.count, 0});
    } catch (const Failure& failure) {
        std::printf("failed: %s\n", failure.what());
        return;
    }
    const std::vector<float> got = result.download();
    for (unsigned i = 0; i < bug.results; ++i) {
        if (!(got[i] == bug.expected(i))) {
            std::printf("wrong: element %u is %g, expected %g\n", i, static_cast<double>(got[i]), bug.expected(i));
            return;
        }
    }
    std::printf("clean\n");
}

}  // namespace

int main(int count, char** arguments) {
    for (const Bug& bug : kBugs) {
        if (count == 2 && std::strcmp(bug.name, arguments[1]) == 0) {
            try {
                run(bug);
            } catch (const Failure& failure) {
                std::printf("could not run: %s\n", failure.what());
                return 1;
            }
            const std::string late = Device::instance().take_failure();
            if (!late.empty()) {
                std::printf("%s\n", late.c_str());
            }
            return 0;
        }
    }
    std::printf("usage: deliberate_bugs KERNEL\n");
    return 1;
}
