// The arguments of the fused gather-multiply, which the host fills in: C# by a mirrored struct, the native tests by
// this.
#pragma once

#include <stdint.h>

namespace interfuse {

constexpr int kMaxBatch = 64;
constexpr int kMultiplyWarps = 4;
constexpr int kMultiplyChannels = 2;

struct GatherMultiplyArguments {
    const void* rows;
    const int32_t* index;
    const void* x;
    float* y;
    int64_t channels;
    int64_t columns;
    int32_t rows_dtype;
    int32_t x_dtype;
    int32_t batch;
    // Whether every row and every vector begins at a multiple of 16 bytes and of 8 elements.
    int32_t aligned;
    int32_t experts[kMaxBatch];
};
static_assert(sizeof(GatherMultiplyArguments) == 320, "Mirrored by GatherMultiplyArguments in C#.");

}  // namespace interfuse
