// The arguments of the kernel that elects a unified task vector, which the host fills in.
#pragma once

#include "cluster_arguments.h"

namespace interfuse {

// Float64 values per expert and row.
constexpr int kAgreementSums = 5;

struct ElectUnifiedArguments {
    ExpertMatrices matrices;
    void* unified;
    // For expert e, row i and 32 columns from 32 * w on: at (e * channels + i) * ceil(columns / 32) + w.
    uint32_t* masks;
    // For row i and expert e: from (i * expert_count + e) * kAgreementSums on.
    double* sums;
    unsigned long long* non_finite;
    int32_t unified_dtype;
    int32_t reserved;
};
static_assert(sizeof(ElectUnifiedArguments) == 272, "Mirrored by ElectUnifiedArguments in C#.");

}  // namespace interfuse
