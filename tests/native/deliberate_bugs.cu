// Kernels with one mistake each, which the software device has to find, and correct ones that it must leave alone.
// deliberate_bugs.cpp runs them.
#include "simt.cuh"

struct BugArguments {
    float* data;
    float* result;
    unsigned count;
    unsigned unused;
};
static_assert(sizeof(BugArguments) == 24, "the runner passes the same");

// ---- correct

// result[block] = sum of the block's slice of data, by shuffles and one barrier.
extern "C" __global__ void good_block_sum(const BugArguments a) {
    __shared__ float partial[32];
    const unsigned lane = threadIdx.x % 32;
    const unsigned warp = threadIdx.x / 32;
    float sum = a.data[blockIdx.x * blockDim.x + threadIdx.x];
    for (int step = 16; step > 0; step /= 2) {
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
    }
    if (lane == 0) {
        partial[warp] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        float total = 0;
        for (unsigned w = 0; w < blockDim.x / 32; ++w) {
            total += partial[w];
        }
        a.result[blockIdx.x] = total;
    }
}
INTERFUSE_KERNEL(good_block_sum)

// result[block] = the block's slice reversed, through dynamic shared memory.
extern "C" __global__ void good_reverse(const BugArguments a) {
    INTERFUSE_DYNAMIC_SHARED(float, slice);
    const unsigned begin = blockIdx.x * blockDim.x;
    slice[threadIdx.x] = a.data[begin + threadIdx.x];
    __syncthreads();
    a.result[begin + threadIdx.x] = slice[blockDim.x - 1 - threadIdx.x];
}
INTERFUSE_KERNEL(good_reverse)

// Half-warps that meet a different number of times, exchange through shared memory, then meet all together.
extern "C" __global__ void good_half_warps(const BugArguments a) {
    __shared__ float slots[256];
    const unsigned half = threadIdx.x % 32 / 16;
    const unsigned mask = half == 0 ? 0x0000FFFFu : 0xFFFF0000u;
    float value = a.data[threadIdx.x];
    for (unsigned round = 0; round < 3 + half; ++round) {
        slots[threadIdx.x] = value;
        __syncwarp(mask);
        value = slots[threadIdx.x ^ 1];
        __syncwarp(mask);
    }
    slots[threadIdx.x] = value;
    __syncwarp();
    a.result[threadIdx.x] = slots[threadIdx.x ^ 16];
}
INTERFUSE_KERNEL(good_half_warps)

// Partial results handed to whichever block comes last, by fences and an integer counter.
extern "C" __global__ void good_last_block(const BugArguments a) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        a.result[1 + blockIdx.x] = static_cast<float>(blockIdx.x);
        __threadfence();
        const unsigned before = atomicAdd(reinterpret_cast<unsigned*>(a.data), 1u);
        __threadfence();
        last = before == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        float total = 0;
        for (unsigned block = 0; block < gridDim.x; ++block) {
            total += a.result[1 + block];
        }
        a.result[0] = total;
    }
}
INTERFUSE_KERNEL(good_last_block)

// Threads that return early, before a barrier that the others meet.
extern "C" __global__ void good_early_return(const BugArguments a) {
    if (threadIdx.x >= a.count) {
        return;
    }
    const int there = __syncthreads_count(1);
    a.result[threadIdx.x] = static_cast<float>(there);
}
INTERFUSE_KERNEL(good_early_return)

// result = data + count, by a barrier for each step: many switches.
extern "C" __global__ void good_slow(const BugArguments a) {
    float value = a.data[threadIdx.x];
    for (unsigned i = 0; i < a.count; ++i) {
        __syncthreads();
        value += 1;
    }
    a.result[threadIdx.x] = value;
}
INTERFUSE_KERNEL(good_slow)

// result = count, but only once the host has set the word that data points to.
extern "C" __global__ void good_wait(const BugArguments a) {
    if (threadIdx.x == 0) {
        while (atomicAdd(reinterpret_cast<unsigned*>(a.data), 0u) == 0) {
        }
    }
    __syncthreads();
    a.result[threadIdx.x] = static_cast<float>(a.count);
}
INTERFUSE_KERNEL(good_wait)

// ---- wrong

extern "C" __global__ void bug_missing_barrier(const BugArguments a) {
    __shared__ float slice[256];
    slice[threadIdx.x] = a.data[threadIdx.x];
    // Missing: __syncthreads();
    a.result[threadIdx.x] = threadIdx.x == 0 ? a.data[0] : slice[threadIdx.x - 1];
}
INTERFUSE_KERNEL(bug_missing_barrier)

extern "C" __global__ void bug_missing_warp_barrier(const BugArguments a) {
    __shared__ float slice[32];
    slice[threadIdx.x] = a.data[threadIdx.x];
    // Missing: __syncwarp(). A shuffle orders nothing.
    const float mine = __shfl_sync(0xFFFFFFFFu, a.data[threadIdx.x], 0);
    a.result[threadIdx.x] = slice[threadIdx.x ^ 1] + mine;
}
INTERFUSE_KERNEL(bug_missing_warp_barrier)

extern "C" __global__ void bug_unsynchronised_write(const BugArguments a) {
    a.result[0] = a.result[0] + 1;
}
INTERFUSE_KERNEL(bug_unsynchronised_write)

extern "C" __global__ void bug_write_across_blocks(const BugArguments a) {
    if (threadIdx.x == 0) {
        a.result[0] = static_cast<float>(blockIdx.x);
    }
}
INTERFUSE_KERNEL(bug_write_across_blocks)

extern "C" __global__ void bug_global_overrun(const BugArguments a) {
    a.result[threadIdx.x + 1] = 1;
}
INTERFUSE_KERNEL(bug_global_overrun)

extern "C" __global__ void bug_static_shared_overrun(const BugArguments a) {
    __shared__ float slice[64];
    // Either array, so that the compiler does not know the size of what it points to.
    float* slots = a.count > 1000 ? a.data : slice;
    slots[threadIdx.x] = a.data[threadIdx.x];
    __syncthreads();
    a.result[threadIdx.x] = slots[threadIdx.x + a.count];
}
INTERFUSE_KERNEL(bug_static_shared_overrun)

extern "C" __global__ void bug_dynamic_shared_overrun(const BugArguments a) {
    INTERFUSE_DYNAMIC_SHARED(float, slots);
    slots[threadIdx.x] = a.data[threadIdx.x];
    __syncthreads();
    a.result[threadIdx.x] = slots[threadIdx.x + a.count];
}
INTERFUSE_KERNEL(bug_dynamic_shared_overrun)

extern "C" __global__ void bug_divergent_shuffle(const BugArguments a) {
    float value = a.data[threadIdx.x];
    if (threadIdx.x % 2 == 1) {
        value = __shfl_xor_sync(0xFFFFFFFFu, value, 1);
    } else {
        value = static_cast<float>(__ballot_sync(0xFFFFFFFFu, value > 0));
    }
    a.result[threadIdx.x] = value;
}
INTERFUSE_KERNEL(bug_divergent_shuffle)

extern "C" __global__ void bug_outside_own_mask(const BugArguments a) {
    a.result[threadIdx.x] = __shfl_xor_sync(0x0000FFFFu, a.data[threadIdx.x], 1);
}
INTERFUSE_KERNEL(bug_outside_own_mask)

extern "C" __global__ void bug_shuffle_with_returned_lanes(const BugArguments a) {
    if (threadIdx.x >= a.count) {
        return;
    }
    a.result[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFu, a.data[threadIdx.x], 1);
}
INTERFUSE_KERNEL(bug_shuffle_with_returned_lanes)

// Launched with fewer than 32 threads.
extern "C" __global__ void bug_shuffle_from_missing_lane(const BugArguments a) {
    a.result[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFu, a.data[threadIdx.x], 8);
}
INTERFUSE_KERNEL(bug_shuffle_from_missing_lane)

extern "C" __global__ void bug_deadlock(const BugArguments a) {
    if (threadIdx.x == 5) {
        __syncwarp();
    } else {
        __syncthreads();
    }
    a.result[threadIdx.x] = 1;
}
INTERFUSE_KERNEL(bug_deadlock)

extern "C" __global__ void bug_divergent_barrier(const BugArguments a) {
    if (threadIdx.x < 32) {
        __syncthreads();
    } else {
        a.result[0] = static_cast<float>(__syncthreads_count(1));
    }
}
INTERFUSE_KERNEL(bug_divergent_barrier)

extern "C" __global__ void bug_trap(const BugArguments a) {
    if (blockIdx.x == 1 && threadIdx.x == 7) {
        __trap();
    }
    a.result[blockIdx.x * blockDim.x + threadIdx.x] = 0;
}
INTERFUSE_KERNEL(bug_trap)

extern "C" __global__ void bug_uninitialised_shared(const BugArguments a) {
    __shared__ float slice[64];
    if (threadIdx.x != 63) {
        slice[threadIdx.x] = 1;
    }
    __syncthreads();
    a.result[threadIdx.x] = slice[threadIdx.x];
}
INTERFUSE_KERNEL(bug_uninitialised_shared)

extern "C" __global__ void bug_uninitialised_dynamic_shared(const BugArguments a) {
    INTERFUSE_DYNAMIC_SHARED(float, slots);
    if (threadIdx.x != 63) {
        slots[threadIdx.x] = 1;
    }
    __syncthreads();
    a.result[threadIdx.x] = slots[threadIdx.x];
}
INTERFUSE_KERNEL(bug_uninitialised_dynamic_shared)

extern "C" __global__ void bug_undefined_shift(const BugArguments a) {
    const int shift = 40 + static_cast<int>(a.count);
    a.result[threadIdx.x] = static_cast<float>(1 << shift);
}
INTERFUSE_KERNEL(bug_undefined_shift)
