// The arguments of the clustering kernels, which the host fills in: C# by a mirrored struct, the native tests by this.
#pragma once

#include <stdint.h>

namespace interfuse {

constexpr int kMaxClusteredExperts = 16;
constexpr int kMaxClusterWarps = 4;

// Dynamic shared memory per warp of the kernel for up to so many experts.
constexpr int kClusterStageBytes4 = 4224;
constexpr int kClusterStageBytes8 = 8320;
constexpr int kClusterStageBytes16 = 8320;

struct ClusterArguments {
    const void* base;
    const void* experts[kMaxClusteredExperts];
    void* bank;
    uint8_t* groups;
    double* energies;
    unsigned long long* non_finite;
    int64_t channels;
    int64_t columns;
    int32_t base_dtype;
    int32_t expert_dtypes[kMaxClusteredExperts];
    int32_t bank_dtype;
    int32_t expert_count;
    int32_t group_count;
    int32_t similarity;
    float lambda;
    // Whether every row of every matrix begins at a multiple of 16 bytes and of 8 elements.
    int32_t aligned;
    int32_t reserved;
};
static_assert(sizeof(ClusterArguments) == 280, "Mirrored by ClusterArguments in C#.");

}  // namespace interfuse
