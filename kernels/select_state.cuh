// What the kernels of the exact top-k selection share: arguments, the search's state in device memory, and small
// helpers.
//
// The search for the k-th largest magnitude: a sample of the elements brackets it between two magnitudes
// (select_sample, select_digits and select_pick), one sweep over all elements counts what lies above the bracket, on
// its two edges and between them, and collects what lies between (select_sweep); the answer is an edge, or is picked
// from the collected by the same select_digits and select_pick. The edges are counted and not collected, so that an
// input of few distinct values, which a bracket can't come between, collects nothing.
#pragma once

#include "elements.cuh"
#include "select_arguments.h"

namespace interfuse::selection {

constexpr unsigned kAllLanes = 0xFFFFFFFFu;

static __device__ __forceinline__ int lane() {
    return static_cast<int>(threadIdx.x & 31u);
}

static __device__ __forceinline__ int warp() {
    return static_cast<int>(threadIdx.x >> 5);
}

/// The sum over the lanes before this one; `total` receives that over all.
static __device__ __forceinline__ unsigned long long warp_prefix(unsigned long long value, unsigned long long& total) {
    unsigned long long sum = value;
    for (unsigned distance = 1; distance < 32; distance *= 2) {
        const unsigned long long other = __shfl_up_sync(kAllLanes, sum, distance);
        sum += static_cast<unsigned>(lane()) >= distance ? other : 0;
    }

    total = __shfl_sync(kAllLanes, sum, 31);
    return sum - value;
}

/// The sum over the threads before this one; `total` receives that over all. All threads of the block take part;
/// `scratch` is shared, one word per warp, and may be used again at once.
static __device__ __forceinline__ unsigned long long block_prefix(
    unsigned long long value, unsigned long long* scratch, unsigned long long& total) {
    unsigned long long warp_total = 0;
    const unsigned long long prefix = warp_prefix(value, warp_total);
    if (lane() == 0) {
        scratch[warp()] = warp_total;
    }

    __syncthreads();
    unsigned long long before = 0;
    total = 0;
    for (int other = 0; other < static_cast<int>(blockDim.x >> 5); ++other) {
        before += other < warp() ? scratch[other] : 0;
        total += scratch[other];
    }

    __syncthreads();
    return before + prefix;
}

/// Adds `count` to a bin of `bins`, in one step for the whole warp where all its lanes have the same bin. All lanes of
/// the warp take part; a lane with nothing to add gives a count of 0.
static __device__ __forceinline__ void add_to_bin(unsigned* bins, unsigned bin, unsigned count) {
    const unsigned leader_bin = __shfl_sync(kAllLanes, bin, 0);
    if (__all_sync(kAllLanes, bin == leader_bin || count == 0)) {
        const unsigned sum = __reduce_add_sync(kAllLanes, count);
        const unsigned holders = __ballot_sync(kAllLanes, count != 0);
        if (holders != 0 && lane() == __ffs(static_cast<int>(holders)) - 1) {
            atomicAdd(&bins[bin], sum);
        }
    } else if (count != 0) {
        atomicAdd(&bins[bin], count);
    }
}

/// The runs of equal bins among consecutive values of a thread, so that what is alike is added at once.
struct Run {
    unsigned bin = 0;
    unsigned count = 0;

    __device__ __forceinline__ void add(unsigned* bins, unsigned next) {
        if (count != 0 && next != bin) {
            atomicAdd(&bins[bin], count);
            count = 0;
        }

        bin = next;
        ++count;
    }
};

}  // namespace interfuse::selection
