// The arguments of the gather kernels, which the host fills in: C# by mirrored structs, the native tests by these.
#pragma once

#include <stdint.h>

namespace interfuse {

// Requests of one launch of a batch, and units of a row that one warp copies.
constexpr int kGatherBatch = 448;
constexpr int kUnitsPerPiece = 128;

struct GatherArguments {
    const void* rows;
    const int32_t* index;
    void* destination;
    int64_t row_bytes;
    int64_t count;
    int64_t pieces_per_row;
    int32_t unit;
    int32_t reserved;
};
static_assert(sizeof(GatherArguments) == 56, "Mirrored by GatherArguments in C#.");

struct GatherBatchArguments {
    const void* rows;
    const int32_t* index;
    void* destination;
    int64_t row_bytes;
    int64_t pieces_per_row;
    int32_t count;
    int32_t unit;
    // Where in the index each request's row is named.
    int64_t places[kGatherBatch];
};
static_assert(sizeof(GatherBatchArguments) == 3632, "Mirrored by GatherBatchArguments in C#.");

}  // namespace interfuse
