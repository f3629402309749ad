// The arguments of the matrix product, which the host fills in: C# by a mirrored struct, the native tests by this.
#pragma once

#include <stdint.h>

namespace interfuse {

struct MatMulArguments {
    const void* rows;
    // Where the expert's rows lie in the bank; without it, one after the other.
    const int32_t* index;
    const float* x;
    float* y;
    int64_t channels;
    int64_t columns;
    int64_t vectors;
    // From one vector's products to the next one's: more than the channels where these are a part of the matrix.
    int64_t y_stride;
    int32_t rows_dtype;
    // Whether every row and every vector begins at a multiple of 16 bytes and of 8 elements.
    int32_t aligned;
};
static_assert(sizeof(MatMulArguments) == 72, "Mirrored by MatMulArguments in C#.");

}  // namespace interfuse
