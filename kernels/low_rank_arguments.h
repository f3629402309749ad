// The arguments of the kernels that make rows of a low-rank bank, which the host fills in: C# by mirrored structs, the
// native tests by these.
#pragma once

#include <stdint.h>

namespace interfuse {

// Requests of one launch of a batch, and consecutive rows of which one thread makes the same columns.
constexpr int kLowRankBatch = 448;
constexpr int kLowRankRows = 4;

struct LowRankSource {
    const void* shared;
    const void* left;
    const void* right;
    void* destination;
    int64_t channels;
    int64_t columns;
    int32_t rank;
    int32_t dtype;
    // Whether every row of shared, right and destination begins at a multiple of 16 bytes and of 8 elements.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(LowRankSource) == 64, "Mirrored by LowRankSource in C#.");

struct LowRankRowsArguments {
    LowRankSource source;
    // The expert times the channels, plus the first row.
    int64_t first_place;
    int64_t count;
};
static_assert(sizeof(LowRankRowsArguments) == 80, "Mirrored by LowRankRowsArguments in C#.");

struct LowRankBatchArguments {
    LowRankSource source;
    int64_t count;
    // The expert times the channels, plus the row; or, for a row of the shared matrix, its complement.
    int64_t places[kLowRankBatch];
};
static_assert(sizeof(LowRankBatchArguments) == 3656, "Mirrored by LowRankBatchArguments in C#.");

}  // namespace interfuse
