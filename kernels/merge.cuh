// What merges of task vectors share: the inputs of a step, and the last line of their formulas.
#pragma once

#include "task_terms.cuh"

namespace interfuse {

// v of one expert at one element.
static __device__ __forceinline__ float contribution(const MergeArguments& a, int e, int64_t index, float base_value) {
    const TaskTerm& term = a.terms[e];
    const float delta = load_element(term.expert, term.dtype, index) - base_value;
    return term.weight * thin(term, index, a.first_element, delta);
}

// A group of experts at one step. Expert j of the group is `first + j`,
// and the first one exists.
template <int32_t Type>
struct ExpertGroup {
    Loaded<Type> experts[kGroup];

    __device__ __forceinline__ void load(const MergeArguments& a, int first, int64_t index) {
#pragma unroll
        for (int j = 0; j < kGroup; ++j) {
            if (j == 0 || first + j < a.count) {
                experts[j].load(a.terms[first + j].expert, a.terms[first + j].dtype, index);
            }
        }
    }

    // v of expert j.
    __device__ __forceinline__ void contribute(
        const MergeArguments& a, int first, int j, int64_t index, const float (&base_values)[kStep],
        float (&values)[kStep]) const {
        const TaskTerm& term = a.terms[first + j];
        experts[j].widen(values);
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            values[k] = values[k] - base_values[k];
        }
        thin_step(term, index, a.first_element, values);
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            values[k] = term.weight * values[k];
        }
    }
};

template <bool Few>
static __device__ __forceinline__ bool is_any_cut(const MergeArguments& a, int64_t index) {
    bool is_any = false;
    if constexpr (Few) {
        // Places without an expert are all zeros.
#pragma unroll
        for (int e = 0; e < kGroup; ++e) {
            is_any |= is_cut(a.terms[e], index);
        }
    } else {
#pragma unroll 1
        for (int e = 0; e < a.count; ++e) {
            is_any |= is_cut(a.terms[e], index);
        }
    }
    return is_any;
}

// base + lambda * delta
static __device__ __forceinline__ int store_merged(
    const MergeArguments& a, int64_t index, const float (&base_values)[kStep], float (&deltas)[kStep]) {
#pragma unroll
    for (int k = 0; k < kStep; ++k) {
        deltas[k] = base_values[k] + a.lambda * deltas[k];
    }
    return store_elements<kStep>(a.destination, a.destination_dtype, index, deltas);
}

static __device__ __forceinline__ int store_merged(
    const MergeArguments& a, int64_t index, float base_value, float delta) {
    return store_element(a.destination, a.destination_dtype, index, base_value + a.lambda * delta);
}

}  // namespace interfuse
