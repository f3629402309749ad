// Elements of tensors: BF16, F16, F32 or F64 in memory, float32 in registers. Widening is exact (F64: one rounding),
// storing rounds to nearest even, keeps denormals and makes every NaN the canonical one of its type.
//
// Elements are moved one at a time, or E (4 or 8) consecutive ones with accesses of 16 bytes (8 where E elements take
// no more). For the latter the tensor's address is a multiple of 16.
#pragma once

#include "simt.cuh"

#include "merge_arguments.h"

#include <stdint.h>

namespace interfuse {

template <int Count>
struct alignas(4 * Count) Words {
    uint32_t word[Count];
};

constexpr uint32_t kInfinityBits = 0x7F800000u;
constexpr uint32_t kNaNBits = 0x7FC00000u;

// The bits of a delta without its sign, by which magnitudes are ordered; those of every NaN are the canonical one's. (A
// NaN that comes out of a subtraction is quiet, and so not below it.)
static __device__ __forceinline__ uint32_t magnitude_bits(float delta) {
    const uint32_t bits = __float_as_uint(delta) & 0x7FFFFFFFu;
    return bits < kNaNBits ? bits : kNaNBits;
}

static __device__ __forceinline__ bool is_16_bit(int32_t dtype) {
    return dtype == kBFloat16 || dtype == kFloat16;
}

template <int Count>
static __device__ __forceinline__ Words<Count> load_words(const void* origin, int64_t index) {
    return static_cast<const Words<Count>*>(origin)[index];
}

template <int Count>
static __device__ __forceinline__ void store_words(void* origin, int64_t index, const Words<Count>& words) {
    static_cast<Words<Count>*>(origin)[index] = words;
}

static __device__ __forceinline__ float widen_float16(uint16_t half) {
#if defined(__CUDA_ARCH__)
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(half));
    return value;
#else
    const uint32_t sign = (half & 0x8000u) << 16;
    const uint32_t magnitude = half & 0x7FFFu;
    if (magnitude >= 0x7C00u) {
        return __uint_as_float(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
    }
    if (magnitude >= 0x0400u) {
        return __uint_as_float(sign | ((magnitude << 13) + ((127u - 15u) << 23)));
    }
    // A denormal half is so many times 2^-24.
    return __uint_as_float(sign | __float_as_uint(static_cast<float>(magnitude) * 5.9604644775390625e-08f));
#endif
}

// Two elements of a 16-bit type, the first of which is in the lower half of the word.
static __device__ __forceinline__ void widen_pair(uint32_t word, bool is_bfloat16, float& first, float& second) {
    if (is_bfloat16) {
        first = __uint_as_float(word << 16);
        second = __uint_as_float(word & 0xFFFF0000u);
    } else {
        first = widen_float16(static_cast<uint16_t>(word));
        second = widen_float16(static_cast<uint16_t>(word >> 16));
    }
}

// E elements of a 16-bit type as they lie in memory: several inputs' can be on their way before the first is needed.
template <int E>
using Packed = Words<E / 2>;

// `index` counts elements and is a multiple of E.
template <int E>
static __device__ __forceinline__ Packed<E> load_packed(const void* origin, int64_t index) {
    return load_words<E / 2>(origin, index / E);
}

template <int E>
static __device__ __forceinline__ void widen_packed(const Packed<E>& packed, int32_t dtype, float (&values)[E]) {
    if (dtype == kBFloat16) {
#pragma unroll
        for (int j = 0; j < E / 2; ++j) {
            widen_pair(packed.word[j], true, values[2 * j], values[2 * j + 1]);
        }
    } else {
#pragma unroll
        for (int j = 0; j < E / 2; ++j) {
            widen_pair(packed.word[j], false, values[2 * j], values[2 * j + 1]);
        }
    }
}

// The element with this index, which may be any.
static __device__ __forceinline__ float load_element(const void* origin, int32_t dtype, int64_t index) {
    switch (dtype) {
    case kBFloat16:
        return __uint_as_float(static_cast<uint32_t>(static_cast<const uint16_t*>(origin)[index]) << 16);
    case kFloat16:
        return widen_float16(static_cast<const uint16_t*>(origin)[index]);
    case kFloat32:
        return static_cast<const float*>(origin)[index];
    default:
        return static_cast<float>(static_cast<const double*>(origin)[index]);
    }
}

// E consecutive elements from `index` on, a multiple of E.
template <int E>
static __device__ __forceinline__ void load_elements(
    const void* origin, int32_t dtype, int64_t index, float (&values)[E]) {
    if (is_16_bit(dtype)) {
        widen_packed<E>(load_packed<E>(origin, index), dtype, values);
    } else if (dtype == kFloat32) {
        Words<4> words[E / 4];
#pragma unroll
        for (int j = 0; j < E / 4; ++j) {
            words[j] = load_words<4>(origin, index / 4 + j);
        }
#pragma unroll
        for (int k = 0; k < E; ++k) {
            values[k] = __uint_as_float(words[k / 4].word[k % 4]);
        }
    } else {
        Words<4> words[E / 2];
#pragma unroll
        for (int j = 0; j < E / 2; ++j) {
            words[j] = load_words<4>(origin, index / 2 + j);
        }
#pragma unroll
        for (int k = 0; k < E; ++k) {
            const uint64_t low = words[k / 2].word[2 * (k % 2)];
            const uint64_t high = words[k / 2].word[2 * (k % 2) + 1];
            values[k] = static_cast<float>(__longlong_as_double(static_cast<long long>(high << 32 | low)));
        }
    }
}

static __device__ __forceinline__ uint32_t round_to_bfloat16(float value) {
    const uint32_t bits = __float_as_uint(value);
    return value == value ? (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16 : 0x7FFFu;
}

static __device__ __forceinline__ uint32_t round_to_float16(float value) {
    const uint32_t bits = __float_as_uint(value);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (value != value) {
        return 0x7FFFu;
    }
    if (magnitude >= (127u + 16u) << 23) {
        return sign | 0x7C00u;
    }
    if (magnitude >= (127u - 14u) << 23) {
        const uint32_t rebiased = magnitude - ((127u - 15u) << 23);
        return sign | (rebiased + 0xFFFu + (rebiased >> 13 & 1u)) >> 13;
    }
    // A denormal half is a multiple of 2^-24, which is the distance of floats from 0.5 on: the addition rounds.
    return sign | (__float_as_uint(__uint_as_float(magnitude) + 0.5f) - (126u << 23));
}

// Two elements of a 16-bit type, rounded. NaN becomes a NaN, but not the canonical one: see canonical_pair.
static __device__ __forceinline__ uint32_t round_pair(float first, float second, bool is_bfloat16) {
#if defined(__CUDA_ARCH__)
    uint32_t word;
    if (is_bfloat16) {
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    } else {
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    }
    return word;
#else
    return is_bfloat16 ? round_to_bfloat16(first) | round_to_bfloat16(second) << 16
                       : round_to_float16(first) | round_to_float16(second) << 16;
#endif
}

static __device__ __forceinline__ uint32_t canonical_half(uint32_t half, bool is_bfloat16) {
    const uint32_t infinity = is_bfloat16 ? 0x7F80u : 0x7C00u;
    const uint32_t quiet = is_bfloat16 ? 0x7FC0u : 0x7E00u;
    return (half & 0x7FFFu) > infinity ? quiet : half;
}

static __device__ __forceinline__ uint32_t canonical_pair(uint32_t word, bool is_bfloat16) {
    return canonical_half(word & 0xFFFFu, is_bfloat16) | canonical_half(word >> 16, is_bfloat16) << 16;
}

// The highest bit of either half is set where that half is infinite or NaN: adding the lowest bit to an exponent that
// is all ones carries into the sign's place, and no other exponent does.
static __device__ __forceinline__ uint32_t non_finite_halves(uint32_t word, bool is_bfloat16) {
    const uint32_t exponents = is_bfloat16 ? 0x7F807F80u : 0x7C007C00u;
    const uint32_t lowest = is_bfloat16 ? 0x00800080u : 0x04000400u;
    return (word & exponents) + lowest;
}

// Infinite and NaN values are rare, so the common path only asks whether there is one among all E.
template <int E>
static __device__ __forceinline__ int round_packed(const float (&values)[E], bool is_bfloat16, Packed<E>& packed) {
    constexpr uint32_t kBothSigns = 0x80008000u;
    uint32_t any = 0;
#pragma unroll
    for (int j = 0; j < E / 2; ++j) {
        packed.word[j] = round_pair(values[2 * j], values[2 * j + 1], is_bfloat16);
        any |= non_finite_halves(packed.word[j], is_bfloat16);
    }

    int non_finite = 0;
    if ((any & kBothSigns) != 0) {
#pragma unroll
        for (int j = 0; j < E / 2; ++j) {
            const uint32_t halves = non_finite_halves(packed.word[j], is_bfloat16);
            non_finite += static_cast<int>((halves >> 31) + (halves >> 15 & 1u));
            packed.word[j] = canonical_pair(packed.word[j], is_bfloat16);
        }
    }
    return non_finite;
}

static __device__ __forceinline__ bool is_non_finite(float value) {
    return (__float_as_uint(value) & kInfinityBits) == kInfinityBits;
}

static __device__ __forceinline__ float canonical_float32(float value) {
    return value == value ? value : __uint_as_float(kNaNBits);
}

static __device__ __forceinline__ double canonical_float64(float value) {
    return value == value ? static_cast<double>(value) : __longlong_as_double(0x7FF8000000000000LL);
}

// Stores an element and returns 1 if what was stored is infinite or NaN, else 0.
static __device__ __forceinline__ int store_element(void* origin, int32_t dtype, int64_t index, float value) {
    if (is_16_bit(dtype)) {
        const bool is_bfloat16 = dtype == kBFloat16;
        const uint32_t half = round_pair(value, 0.0f, is_bfloat16) & 0xFFFFu;
        static_cast<uint16_t*>(origin)[index] = static_cast<uint16_t>(canonical_half(half, is_bfloat16));
        return static_cast<int>(non_finite_halves(half, is_bfloat16) >> 15 & 1u);
    }
    if (dtype == kFloat32) {
        static_cast<float*>(origin)[index] = canonical_float32(value);
    } else {
        static_cast<double*>(origin)[index] = canonical_float64(value);
    }
    return is_non_finite(value) ? 1 : 0;
}

// Stores E elements from `index` on, a multiple of E, and returns how many of those stored are infinite or NaN.
template <int E>
static __device__ __forceinline__ int store_elements(
    void* origin, int32_t dtype, int64_t index, const float (&values)[E]) {
    if (is_16_bit(dtype)) {
        Packed<E> packed;
        const int non_finite = dtype == kBFloat16 ? round_packed<E>(values, true, packed)
                                                  : round_packed<E>(values, false, packed);
        store_words<E / 2>(origin, index / E, packed);
        return non_finite;
    }

    int non_finite = 0;
#pragma unroll
    for (int k = 0; k < E; ++k) {
        non_finite += is_non_finite(values[k]) ? 1 : 0;
    }
    if (dtype == kFloat32) {
#pragma unroll
        for (int j = 0; j < E / 4; ++j) {
            Words<4> words;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                words.word[k] = __float_as_uint(canonical_float32(values[4 * j + k]));
            }
            store_words<4>(origin, index / 4 + j, words);
        }
    } else {
#pragma unroll
        for (int j = 0; j < E / 2; ++j) {
            Words<4> words;
#pragma unroll
            for (int k = 0; k < 2; ++k) {
                const uint64_t bits = static_cast<uint64_t>(__double_as_longlong(canonical_float64(values[2 * j + k])));
                words.word[2 * k] = static_cast<uint32_t>(bits);
                words.word[2 * k + 1] = static_cast<uint32_t>(bits >> 32);
            }
            store_words<4>(origin, index / 2 + j, words);
        }
    }
    return non_finite;
}

// Adds every thread's count to the counter, by one atomic operation of the warp and none where there is nothing to add.
// All threads of the warp call it together; blocks are one-dimensional.
static __device__ __forceinline__ void add_non_finite(unsigned long long* counter, int count) {
    constexpr unsigned kWarp = 0xFFFFFFFFu;
    if (__any_sync(kWarp, count != 0)) {
#pragma unroll
        for (int distance = 16; distance > 0; distance /= 2) {
            count += __shfl_xor_sync(kWarp, count, distance);
        }
        if (threadIdx.x % 32 == 0) {
            atomicAdd(counter, static_cast<unsigned long long>(count));
        }
    }
}

}  // namespace interfuse
