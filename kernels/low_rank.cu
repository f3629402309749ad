// Rows of a low-rank bank: those of one expert that follow one another, or those that a batch asks for. A sum starts
// with the shared matrix's element and takes one fused step for each row of the expert's right factor, in their order;
// it is rounded once.
#include "elements.cuh"
#include "low_rank_arguments.h"

namespace interfuse {

// Columns that a thread makes: 16 bytes of a 16-bit type.
constexpr int kLowRankStep = 8;

// The same columns of Rows rows that follow one another, `count` of which there are.
template <int Rows>
static __device__ __forceinline__ void make_step(
    const LowRankSource& a, int64_t place, int64_t request, int count, int64_t column) {
    const int64_t expert = place / a.channels;
    const int64_t row = place % a.channels;
    // Beyond the last row there is the last one, which is not stored again.
    int at[Rows];
#pragma unroll
    for (int i = 0; i < Rows; ++i) {
        at[i] = i < count ? i : count - 1;
    }

    float sums[Rows][kLowRankStep];
#pragma unroll
    for (int i = 0; i < Rows; ++i) {
        load_elements<kLowRankStep>(a.shared, a.dtype, (row + at[i]) * a.columns + column, sums[i]);
    }
#pragma unroll 1
    for (int32_t k = 0; k < a.rank; ++k) {
        float values[kLowRankStep];
        load_elements<kLowRankStep>(a.right, a.dtype, (expert * a.rank + k) * a.columns + column, values);
#pragma unroll
        for (int i = 0; i < Rows; ++i) {
            const float weight = load_element(a.left, a.dtype, (place + at[i]) * a.rank + k);
#pragma unroll
            for (int j = 0; j < kLowRankStep; ++j) {
                sums[i][j] = __fmaf_rn(weight, values[j], sums[i][j]);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < Rows; ++i) {
        if (i < count) {
            store_elements<kLowRankStep>(a.destination, a.dtype, (request + i) * a.columns + column, sums[i]);
        }
    }
}

static __device__ __forceinline__ void make_element(
    const LowRankSource& a, int64_t place, int64_t request, int64_t column) {
    const int64_t expert = place / a.channels;
    float sum = load_element(a.shared, a.dtype, place % a.channels * a.columns + column);
#pragma unroll 1
    for (int32_t k = 0; k < a.rank; ++k) {
        const float weight = load_element(a.left, a.dtype, place * a.rank + k);
        const float value = load_element(a.right, a.dtype, (expert * a.rank + k) * a.columns + column);
        sum = __fmaf_rn(weight, value, sum);
    }
    store_element(a.destination, a.dtype, request * a.columns + column, sum);
}

// An element of the shared matrix as it is.
static __device__ __forceinline__ void copy_element(const LowRankSource& a, int64_t row, int64_t request, int64_t column) {
    const int64_t from = row * a.columns + column;
    const int64_t to = request * a.columns + column;
    if (is_16_bit(a.dtype)) {
        static_cast<uint16_t*>(a.destination)[to] = static_cast<const uint16_t*>(a.shared)[from];
    } else if (a.dtype == kFloat32) {
        static_cast<uint32_t*>(a.destination)[to] = static_cast<const uint32_t*>(a.shared)[from];
    } else {
        static_cast<uint64_t*>(a.destination)[to] = static_cast<const uint64_t*>(a.shared)[from];
    }
}

// A step of Rows rows from `request` on, of which the first is that of the place.
template <int Rows>
static __device__ __forceinline__ void make_rows(
    const LowRankSource& a, int64_t place, int64_t request, int count, int64_t column) {
    if (a.vectorized != 0) {
        make_step<Rows>(a, place, request, count, column);
        return;
    }
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
#pragma unroll 1
        for (int64_t j = column; j < column + kLowRankStep && j < a.columns; ++j) {
            make_element(a, place + i, request + i, j);
        }
    }
}

static __device__ __forceinline__ int64_t thread_of_grid() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(256) interfuse_low_rank_rows(const interfuse::LowRankRowsArguments a) {
    const int64_t steps = (a.source.columns + interfuse::kLowRankStep - 1) / interfuse::kLowRankStep;
    const int64_t thread = interfuse::thread_of_grid();
    const int64_t request = thread / steps * interfuse::kLowRankRows;
    if (request < a.count) {
        const int64_t left = a.count - request;
        const int count = left < interfuse::kLowRankRows ? static_cast<int>(left) : interfuse::kLowRankRows;
        interfuse::make_rows<interfuse::kLowRankRows>(
            a.source, a.first_place + request, request, count, thread % steps * interfuse::kLowRankStep);
    }
}
INTERFUSE_KERNEL(interfuse_low_rank_rows)

extern "C" __global__ void __launch_bounds__(256) interfuse_low_rank_batch(const interfuse::LowRankBatchArguments a) {
    const int64_t steps = (a.source.columns + interfuse::kLowRankStep - 1) / interfuse::kLowRankStep;
    const int64_t thread = interfuse::thread_of_grid();
    const int64_t request = thread / steps;
    if (request >= a.count) {
        return;
    }
    const int64_t place = a.places[request];
    const int64_t column = thread % steps * interfuse::kLowRankStep;
    if (place >= 0) {
        interfuse::make_rows<1>(a.source, place, request, 1, column);
        return;
    }
    for (int64_t j = column; j < column + interfuse::kLowRankStep && j < a.source.columns; ++j) {
        interfuse::copy_element(a.source, ~place, request, j);
    }
}
INTERFUSE_KERNEL(interfuse_low_rank_batch)
