// What elementwise kernels share. Each thread does one step of 8 consecutive elements: a grid-stride loop would save
// next to nothing, since the arguments lie in constant memory, and with one step per thread the block scheduler starts
// the loads of the next block while the stores of the last one drain.
#pragma once

#include "elements.cuh"

namespace interfuse {

constexpr int kThreads = 256;

// Elements of a step: 16 bytes of a 16-bit type.
constexpr int kStep = 8;

// So many inputs are loaded before the first is needed. Kernels called `few` take no more, and know the places of the
// arguments while they are compiled; those called `many` go on group by group.
constexpr int kGroup = 4;

// Stands for a type where inputs differ in type, or are of another than the 16-bit types.
constexpr int32_t kMixed = -1;

// What a thread has loaded of one input. Elements of 16-bit types stay as they lie in memory, so that the loads of all
// inputs are on their way before the first is needed; others are widened at once, which takes no more registers.
template <int32_t Type>
struct Loaded {
    Packed<kStep> packed;

    __device__ __forceinline__ void load(const void* origin, int32_t, int64_t index) {
        packed = load_packed<kStep>(origin, index);
    }

    __device__ __forceinline__ void widen(float (&values)[kStep]) const {
        widen_packed<kStep>(packed, Type, values);
    }
};

template <>
struct Loaded<kMixed> {
    float loaded[kStep];

    __device__ __forceinline__ void load(const void* origin, int32_t dtype, int64_t index) {
        load_elements<kStep>(origin, dtype, index, loaded);
    }

    __device__ __forceinline__ void widen(float (&values)[kStep]) const {
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            values[k] = loaded[k];
        }
    }
};

// Runs `Step::whole` on a whole step where that can be, else `Step::single` on one element after the other. Both return
// how many of the values they stored are infinite or NaN.
template <typename Step, typename Arguments>
static __device__ __forceinline__ void run_step(const Arguments& a) {
    const int64_t thread = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    const int64_t first = thread * kStep;
    const int64_t end = first + kStep;
    int non_finite = 0;
    if (a.vectorized != 0 && end <= a.length && !Step::is_cut(a, first)) {
        non_finite = Step::whole(a, first);
    } else {
#pragma unroll 1
        for (int64_t index = first; index < end && index < a.length; ++index) {
            non_finite += Step::single(a, index);
        }
    }
    add_non_finite(a.non_finite, non_finite);
}

}  // namespace interfuse
