// What one expert contributes to a merge: v = weight * (scale * d), where d is expert - base (one rounding) for
// elements that survive trimming (TIES) and random drop (DARE), and +0 for the others.
#pragma once

#include "philox.cuh"
#include "steps.cuh"

namespace interfuse {

static __device__ __forceinline__ bool trims(const TaskTerm& term) {
    return (term.flags & kTrims) != 0;
}

static __device__ __forceinline__ bool drops(const TaskTerm& term) {
    return (term.flags & kDrops) != 0;
}

static __device__ __forceinline__ uint32_t minimum_bits(const TaskTerm& term, int64_t index) {
    return term.threshold_bits + (index < term.tie_end ? 0u : 1u);
}

// Whether ties end within this step, so that no one bound on the magnitude bits serves all of it. The lower halves of
// the indices suffice: where they call another step so too, that only makes it slower.
static __device__ __forceinline__ bool is_cut(const TaskTerm& term, int64_t index) {
    return static_cast<uint32_t>(term.tie_end) - static_cast<uint32_t>(index) - 1u < kStep - 1u;
}

// scale * d of an element, from its delta. `index` counts from the first element of the launch, which is
// `first_element` of the tensor.
static __device__ __forceinline__ float thin(const TaskTerm& term, int64_t index, int64_t first_element, float delta) {
    bool kept = !trims(term) || magnitude_bits(delta) >= minimum_bits(term, index);
    if (drops(term)) {
        const uint64_t element = static_cast<uint64_t>(first_element + index);
        kept = kept && random_number(term.seed, term.stream, element) < term.keep_below;
    }
    return term.scale * (kept ? delta : 0.0f);
}

// Trims a step with one bound. Thresholds are finite here, for which floats compare as their bits do, and NaN, which is
// above infinity, is kept. That takes fewer instructions than integers do.
static __device__ __forceinline__ void trim_step(const TaskTerm& term, int64_t index, float (&deltas)[kStep]) {
    const float minimum = __uint_as_float(minimum_bits(term, index));
#pragma unroll
    for (int k = 0; k < kStep; ++k) {
        deltas[k] = fabsf(deltas[k]) < minimum ? 0.0f : deltas[k];
    }
}

static __device__ __forceinline__ void drop_step(const TaskTerm& term, uint64_t element, float (&deltas)[kStep]) {
    static_assert(kStep == 8, "A counter has numbers for one step.");
    const RandomWords words = philox(term.seed, term.stream, element / kStep);
    // A word is below this just where its upper half is below the bound, whatever the lower one is.
    const uint32_t keep_below = term.keep_below << 16;
#pragma unroll
    for (int k = 0; k < kStep; k += 2) {
        deltas[k] = words.word[k / 2] << 16 < keep_below ? deltas[k] : 0.0f;
        deltas[k + 1] = words.word[k / 2] < keep_below ? deltas[k + 1] : 0.0f;
    }
}

// `thin` for a whole step.
static __device__ __forceinline__ void thin_step(
    const TaskTerm& term, int64_t index, int64_t first_element, float (&deltas)[kStep]) {
    if (trims(term)) {
        trim_step(term, index, deltas);
    }
    if (term.flags > kTrims) {
        if (drops(term)) {
            drop_step(term, static_cast<uint64_t>(first_element + index), deltas);
        }
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            deltas[k] = term.scale * deltas[k];
        }
    }
}

}  // namespace interfuse
