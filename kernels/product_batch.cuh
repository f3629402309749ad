// How the products of a batch are shared out: a warp multiplies the rows of a few channels by the vectors of a few
// members. Warps that do the same channels for different members stand in one thread block, and blocks that do so follow
// one another, so that what is stored of a row comes from memory once.
#pragma once

#include "bank_arguments.h"
#include "fused_product.cuh"

namespace interfuse {

template <int Members, int Channels>
struct ProductTile {
    int64_t channel;
    int32_t member;
    // Bit b: member b has the same expert as the member before it, and so the same rows.
    uint32_t repeated;
    int64_t starts[Members];
    int32_t experts[Members];

    __device__ __forceinline__ ProductTile(const ProductBatch& a, int64_t columns) : repeated(0) {
        const int32_t groups = (a.batch + Members - 1) / Members;
        const int32_t side_by_side = groups < 2 ? 1 : groups < 4 ? 2 : 4;
        const int32_t turns = (groups + side_by_side - 1) / side_by_side;
        const int32_t warp = threadIdx.x / 32;
        member = (blockIdx.x % turns * side_by_side + warp % side_by_side) * Members;
        channel = (static_cast<int64_t>(blockIdx.x / turns) * (kBankWarps / side_by_side) + warp / side_by_side) * Channels;
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            // Members beyond the last are done as the last, and not stored.
            const int32_t own = member + b < a.batch ? member + b : a.batch - 1;
            experts[b] = a.experts[own];
            starts[b] = a.members[own] * columns;
            if (b > 0 && experts[b] == experts[b - 1]) {
                repeated |= 1u << b;
            }
        }
    }

    __device__ __forceinline__ bool is_repeated(int b) const { return (repeated >> b & 1u) != 0; }

    __device__ __forceinline__ void store(
        const ProductBatch& a, int64_t channels, const float (&sums)[Channels][Members][8]) const {
#pragma unroll
        for (int c = 0; c < Channels; ++c) {
#pragma unroll
            for (int b = 0; b < Members; ++b) {
                const float sum = fold_lanes(sums[c][b]);
                if (threadIdx.x % 32 == 0 && channel + c < channels && member + b < a.batch) {
                    a.y[a.members[member + b] * channels + channel + c] = canonical_float32(sum);
                }
            }
        }
    }
};

// A lane's eight elements of a vector, zeros where there are none.
template <bool Aligned>
static __device__ __forceinline__ void load_vector(
    const ProductBatch& a, int64_t start, int64_t column, int64_t columns, float (&x)[8]) {
    if (Aligned) {
        load_elements<8>(a.x, a.x_dtype, start + column, x);
    } else {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            x[k] = column + k < columns ? load_element(a.x, a.x_dtype, start + column + k) : 0.0f;
        }
    }
}

// Products of elements that are there: none is added to a lane that has none.
template <bool Aligned>
static __device__ __forceinline__ void add_own_products(
    const float (&w)[8], const float (&x)[8], int64_t column, int64_t columns, float (&sums)[8]) {
    if (Aligned) {
        add_products(w, x, sums);
    } else {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            if (column + k < columns) {
                sums[k] = __fmaf_rn(w[k], x[k], sums[k]);
            }
        }
    }
}

}  // namespace interfuse
