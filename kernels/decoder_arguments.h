// The arguments of a decoder's kernels between its matrix products, which the host fills in: C# by mirrored structs, the
// native tests by these.
#pragma once

#include <stdint.h>

namespace interfuse {

constexpr int kDecoderThreads = 256;

struct RmsNormArguments {
    const float* x;
    const float* weights;
    const int32_t* experts;
    float* y;
    int64_t columns;
    // Consecutive rows that belong to one item, whose expert is named.
    int64_t rows_per_item;
    float epsilon;
    int32_t reserved;
};
static_assert(sizeof(RmsNormArguments) == 56, "Mirrored by RmsNormArguments in C#.");

struct AddBiasArguments {
    float* y;
    const float* bias;
    const int32_t* experts;
    int64_t columns;
    int64_t rows_per_item;
    // Blocks that share a row.
    int64_t parts;
};
static_assert(sizeof(AddBiasArguments) == 48, "Mirrored by AddBiasArguments in C#.");

struct RotateArguments {
    float* x;
    const float* angles;
    // Half a head, and how many pairs all heads of a token have.
    int64_t half;
    int64_t pairs;
    // Blocks that share a token.
    int64_t parts;
};
static_assert(sizeof(RotateArguments) == 40, "Mirrored by RotateArguments in C#.");

struct SwiGluArguments {
    const float* gate;
    const float* up;
    float* y;
    int64_t length;
    // Whether all begin at multiples of 16 bytes.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(SwiGluArguments) == 40, "Mirrored by SwiGluArguments in C#.");

}  // namespace interfuse
