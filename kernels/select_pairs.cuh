// How the selection kernels walk over a base and an expert: eight consecutive deltas per thread and step.
#pragma once

#include "select_state.cuh"

namespace interfuse::selection {

using interfuse::magnitude_bits;
using interfuse::store_element;

/// Eight consecutive elements as they lie in memory, so that several loads can be under way before the first is used.
template <int32_t kDtype>
struct Raw {
    static constexpr int kParts = kDtype == kFloat32 ? 2 : 1;

    Words<4> parts[kParts];

    __device__ __forceinline__ void load(const void* origin, int64_t first) {
        const uint64_t group = static_cast<uint64_t>(first) / kGroup;
#pragma unroll
        for (int i = 0; i < kParts; ++i) {
            parts[i] = load_words<4>(origin, static_cast<int64_t>(group * kParts) + i);
        }
    }

    __device__ __forceinline__ void widen(float (&values)[kGroup]) const {
        if constexpr (kDtype == kFloat32) {
#pragma unroll
            for (int i = 0; i < kGroup; ++i) {
                values[i] = __uint_as_float(parts[i / 4].word[i % 4]);
            }
        } else {
            widen_packed<kGroup>(parts[0], kDtype, values);
        }
    }
};

static __device__ __forceinline__ bool aligned(const Pair& pair) {
    return ((reinterpret_cast<uint64_t>(pair.base) | reinterpret_cast<uint64_t>(pair.expert)) & 15u) == 0;
}

/// The deltas of up to eight elements from `first` on; returns how many there are before `end`.
static __device__ __forceinline__ int load_deltas(
    const Pair& pair, int64_t first, int64_t end, float (&deltas)[kGroup]) {
    const int64_t left = end - first;
    const int count = left < 0 ? 0 : left < kGroup ? static_cast<int>(left) : kGroup;
    float base[kGroup] = {};
    float expert[kGroup] = {};
    if (count == kGroup && aligned(pair)) {
        load_elements(pair.base, pair.base_dtype, first, base);
        load_elements(pair.expert, pair.expert_dtype, first, expert);
    } else {
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            if (i < count) {
                base[i] = load_element(pair.base, pair.base_dtype, first + i);
                expert[i] = load_element(pair.expert, pair.expert_dtype, first + i);
            }
        }
    }

#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
        deltas[i] = __fsub_rn(expert[i], base[i]);
    }

    return count;
}

template <int kBlock, int32_t kDtype, class Visit>
static __device__ __forceinline__ int64_t visit_aligned(const Pair& pair, int64_t begin, int64_t end, Visit& visit) {
    constexpr int kUnroll = 2 / Raw<kDtype>::kParts;
    constexpr int kPass = kBlock * kGroup;
    int64_t step = begin;
    for (; step + kUnroll * kPass <= end; step += kUnroll * kPass) {
        const int64_t first = step + static_cast<int64_t>(threadIdx.x) * kGroup;
        Raw<kDtype> base[kUnroll];
        Raw<kDtype> expert[kUnroll];
#pragma unroll
        for (int i = 0; i < kUnroll; ++i) {
            base[i].load(pair.base, first + i * kPass);
            expert[i].load(pair.expert, first + i * kPass);
        }

#pragma unroll
        for (int i = 0; i < kUnroll; ++i) {
            float from[kGroup];
            float deltas[kGroup];
            base[i].widen(from);
            expert[i].widen(deltas);
#pragma unroll
            for (int j = 0; j < kGroup; ++j) {
                deltas[j] = __fsub_rn(deltas[j], from[j]);
            }

            visit(first + i * kPass, kGroup, deltas);
        }
    }

    return step;
}

/// Calls `visit(first, count, deltas)` for the groups of eight elements from `begin`, a multiple of eight, to `end`.
/// All kBlock threads of the block make equally many calls, in the order of their elements; past the end the count is
/// 0.
template <int kBlock = kThreads, class Visit>
static __device__ __forceinline__ void visit_groups(const Pair& pair, int64_t begin, int64_t end, Visit visit) {
    constexpr int kPass = kBlock * kGroup;
    int64_t step = begin;
    if (pair.base_dtype == pair.expert_dtype && aligned(pair)) {
        if (pair.base_dtype == kBFloat16) {
            step = visit_aligned<kBlock, kBFloat16>(pair, begin, end, visit);
        } else if (pair.base_dtype == kFloat16) {
            step = visit_aligned<kBlock, kFloat16>(pair, begin, end, visit);
        } else if (pair.base_dtype == kFloat32) {
            step = visit_aligned<kBlock, kFloat32>(pair, begin, end, visit);
        }
    }

    for (; step < end; step += kPass) {
        const int64_t first = step + static_cast<int64_t>(threadIdx.x) * kGroup;
        float deltas[kGroup];
        const int count = load_deltas(pair, first, end, deltas);
        visit(first, count, deltas);
    }
}

}  // namespace interfuse::selection
