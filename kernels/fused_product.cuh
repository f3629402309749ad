// What the fused products of a row and vectors have in common. 256 lanes of a sum: thread t of the warp keeps lanes 8t to
// 8t + 7.
#pragma once

#include "elements.cuh"

namespace interfuse {

constexpr int kFusedLanes = 256;
constexpr unsigned kMultiplyWarp = 0xFFFFFFFFu;

// Eight elements as they lie in memory: 16 bytes of a 16-bit type, or two times 16 bytes of float32.
template <int Parts>
struct RawEight {
    Words<4> part[Parts];

    __device__ __forceinline__ void load(const void* row, int64_t column) {
#pragma unroll
        for (int p = 0; p < Parts; ++p) {
            part[p] = load_words<4>(row, column / 8 * Parts + p);
        }
    }

    __device__ __forceinline__ void widen(int32_t dtype, float (&values)[8]) const {
        if (Parts == 1) {
            widen_packed<8>(part[0], dtype, values);
        } else {
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                values[k] = __uint_as_float(part[k / 4 % Parts].word[k % 4]);
            }
        }
    }
};

static __device__ __forceinline__ void add_products(
    const float (&w)[8], const float (&x)[8], float (&sums)[8]) {
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        sums[k] = __fmaf_rn(w[k], x[k], sums[k]);
    }
}

// The sum of the 256 lanes, halves folded: l += l + 128, + 64, ... + 1, which are the threads 16, 8, 4, 2 and 1 apart,
// then the thread's own eight. The first three folds hand half of what a thread has to its partner instead of doing
// everything twice.
static __device__ __forceinline__ float fold_lanes(const float (&sums)[8]) {
    const int lane = threadIdx.x % 32;
    float four[4];
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const bool upper = (lane & 16) != 0;
        const float given = __shfl_xor_sync(kMultiplyWarp, upper ? sums[k] : sums[k + 4], 16);
        four[k] = (upper ? sums[k + 4] : sums[k]) + given;
    }
    float two[2];
#pragma unroll
    for (int k = 0; k < 2; ++k) {
        const bool upper = (lane & 8) != 0;
        const float given = __shfl_xor_sync(kMultiplyWarp, upper ? four[k] : four[k + 2], 8);
        two[k] = (upper ? four[k + 2] : four[k]) + given;
    }
    const bool upper = (lane & 4) != 0;
    float sum = (upper ? two[1] : two[0]) + __shfl_xor_sync(kMultiplyWarp, upper ? two[0] : two[1], 4);
    sum += __shfl_xor_sync(kMultiplyWarp, sum, 2);
    sum += __shfl_xor_sync(kMultiplyWarp, sum, 1);
    // Now lane bits 4, 3 and 2 say which of the eight: those 4 apart fold first.
    sum += __shfl_xor_sync(kMultiplyWarp, sum, 16);
    sum += __shfl_xor_sync(kMultiplyWarp, sum, 8);
    sum += __shfl_xor_sync(kMultiplyWarp, sum, 4);
    return sum;
}

}  // namespace interfuse
