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

// A weight matrix of a base and of some experts.
struct ExpertMatrices {
    const void* base;
    const void* experts[kMaxClusteredExperts];
    int64_t channels;
    int64_t columns;
    int32_t base_dtype;
    int32_t expert_dtypes[kMaxClusteredExperts];
    int32_t expert_count;
    // Whether every row of every matrix, the bank's too, begins at a multiple of 16 bytes and of 8 elements.
    int32_t aligned;
    int32_t reserved;
};
static_assert(sizeof(ExpertMatrices) == 232, "Mirrored by ExpertMatricesArguments in C#.");

// Where groups' rows go, and what scales their mean task vectors.
struct GroupBank {
    void* rows;
    unsigned long long* non_finite;
    int32_t dtype;
    float lambda;
};
static_assert(sizeof(GroupBank) == 24, "Mirrored by GroupBankArguments in C#.");

struct ClusterArguments {
    ExpertMatrices matrices;
    GroupBank bank;
    uint8_t* groups;
    double* energies;
    int32_t group_count;
    int32_t similarity;
};
static_assert(sizeof(ClusterArguments) == 280, "Mirrored by ClusterArguments in C#.");

struct ChannelGramsArguments {
    ExpertMatrices matrices;
    double* grams;
};
static_assert(sizeof(ChannelGramsArguments) == 240, "Mirrored by ChannelGramsArguments in C#.");

struct MergeGroupsArguments {
    ExpertMatrices matrices;
    GroupBank bank;
    // For expert e and channel i, at e * channels + i: the bank's row.
    const int32_t* table;
};
static_assert(sizeof(MergeGroupsArguments) == 264, "Mirrored by MergeGroupsArguments in C#.");

}  // namespace interfuse
