// EMR-Merging: the unified task vector of some experts, a mask of it for each, and the sums that their scales follow
// from. One block per row, whose warps take two blocks of 1024 columns at a time, a half-warp each. In each step a
// half-warp does 16 neighbours, one for each lane of the canonical order (Dot in C#); two steps are a word of a mask.
#include "channel_gram.cuh"
#include "steps.cuh"
#include "unified_arguments.h"

namespace interfuse {

// Steps whose loads are on their way at once.
constexpr int kUnifiedSteps = 4;

// What a thread does of a row: an element every 16 columns of a block.
struct UnifiedColumns {
    // The element's index in the matrix and its column at step 0.
    int64_t index;
    int64_t column;
    // Those of the warp's first block, which is the longer one, in whole groups of kUnifiedSteps.
    int steps;
};

static __device__ __forceinline__ UnifiedColumns unified_columns(
    const ExpertMatrices& m, int64_t channel, int64_t block) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int64_t left = m.columns - block * kGramBlock;
    const int columns = static_cast<int>(left < kGramBlock ? left : kGramBlock);
    const int group = 16 * kUnifiedSteps;
    UnifiedColumns c;
    c.column = (block + lane / 16) * kGramBlock + lane % 16;
    c.index = channel * m.columns + c.column;
    c.steps = (columns + group - 1) / group * kUnifiedSteps;
    return c;
}

// The elements of kUnifiedSteps steps. Beyond the row's end there are zeros.
template <int32_t Type>
static __device__ __forceinline__ void load_steps(
    const void* origin, int32_t dtype, const UnifiedColumns& c, int step, int64_t columns,
    float (&values)[kUnifiedSteps]) {
#pragma unroll
    for (int k = 0; k < kUnifiedSteps; ++k) {
        const int64_t offset = 16 * (step + k);
        values[k] = c.column + offset < columns
            ? load_element(origin, Type == kMixed ? dtype : Type, c.index + offset)
            : 0.0f;
    }
}

// Both candidates are found in the sweep that sums: only one of them will have the elected sign, and a comparison with
// NaN takes neither.
template <int32_t Type>
static __device__ __forceinline__ int elect_columns(const ElectUnifiedArguments& a, const UnifiedColumns& c) {
    const ExpertMatrices& m = a.matrices;
    int non_finite = 0;
#pragma unroll 1
    for (int step = 0; step < c.steps; step += kUnifiedSteps) {
        float base[kUnifiedSteps];
        float sum[kUnifiedSteps] = {};
        float highest[kUnifiedSteps] = {};
        float lowest[kUnifiedSteps] = {};
        load_steps<Type>(m.base, m.base_dtype, c, step, m.columns, base);
#pragma unroll 4
        for (int e = 0; e < m.expert_count; ++e) {
            float values[kUnifiedSteps];
            load_steps<Type>(m.experts[e], m.expert_dtypes[e], c, step, m.columns, values);
#pragma unroll
            for (int k = 0; k < kUnifiedSteps; ++k) {
                const float delta = values[k] - base[k];
                sum[k] = sum[k] + delta;
                highest[k] = delta > highest[k] ? delta : highest[k];
                lowest[k] = delta < lowest[k] ? delta : lowest[k];
            }
        }
#pragma unroll
        for (int k = 0; k < kUnifiedSteps; ++k) {
            const int64_t offset = 16 * (step + k);
            if (c.column + offset < m.columns) {
                non_finite += store_element(
                    a.unified, Type == kMixed ? a.unified_dtype : Type, c.index + offset,
                    sum[k] > 0.0f ? highest[k] : lowest[k]);
            }
        }
    }
    return non_finite;
}

// The words of two steps: the lower half-warp's block and the upper one's.
static __device__ __forceinline__ uint32_t mask_word(uint32_t first_step, uint32_t second_step, int half) {
    return half == 0 ? (first_step & 0xFFFFu) | second_step << 16 : first_step >> 16 | (second_step & 0xFFFF0000u);
}

// An expert's masks and its sums over the two blocks, into sums[0] and sums[stride]. The unified values are those that
// this very thread has stored.
template <int32_t Type>
static __device__ __forceinline__ void mask_columns(
    const ElectUnifiedArguments& a, const UnifiedColumns& c, int e, uint32_t* mask, double* sums, int stride) {
    const ExpertMatrices& m = a.matrices;
    const int half = static_cast<int>(threadIdx.x) % 32 / 16;
    const bool leads = threadIdx.x % 16 == 0;
    double lane[kAgreementSums] = {};
#pragma unroll 1
    for (int step = 0; step < c.steps; step += kUnifiedSteps) {
        float base[kUnifiedSteps];
        float values[kUnifiedSteps];
        float unified[kUnifiedSteps];
        load_steps<Type>(m.base, m.base_dtype, c, step, m.columns, base);
        load_steps<Type>(m.experts[e], m.expert_dtypes[e], c, step, m.columns, values);
        load_steps<Type>(a.unified, a.unified_dtype, c, step, m.columns, unified);
        uint32_t agreeing[kUnifiedSteps];
#pragma unroll
        for (int k = 0; k < kUnifiedSteps; ++k) {
            const float delta = values[k] - base[k];
            const bool agrees = (delta > 0.0f && unified[k] > 0.0f) || (delta < 0.0f && unified[k] < 0.0f);
            agreeing[k] = __ballot_sync(kFullWarp, agrees ? 1 : 0);
            const float agreed = agrees ? unified[k] : 0.0f;
            lane[0] = lane[0] + static_cast<double>(fabsf(delta));
            lane[1] = lane[1] + static_cast<double>(fabsf(agreed));
            lane[2] = add_product(lane[2], delta, delta);
            lane[3] = add_product(lane[3], agreed, agreed);
            lane[4] = add_product(lane[4], delta, agreed);
        }
#pragma unroll
        for (int k = 0; k < kUnifiedSteps; k += 2) {
            const int64_t column = c.column + 16 * (step + k);
            if (leads && column < m.columns) {
                mask[column / 32] = mask_word(agreeing[k], agreeing[k + 1], half);
            }
        }
    }
#pragma unroll
    for (int sum = 0; sum < kAgreementSums; ++sum) {
#pragma unroll
        for (int distance = 8; distance > 0; distance /= 2) {
            lane[sum] = lane[sum] + __shfl_xor_sync(kFullWarp, lane[sum], distance);
        }
        if (leads) {
            sums[half * stride + sum] = lane[sum];
        }
    }
}

template <int32_t Type>
static __device__ __forceinline__ void elect_unified(const ElectUnifiedArguments& a) {
    constexpr int kStride = kMaxClusteredExperts * kAgreementSums;
    __shared__ double rounds[2 * kMaxClusterWarps * kStride];
    __shared__ double totals[kStride];

    const ExpertMatrices& m = a.matrices;
    const int64_t channel = blockIdx.x;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int blocks_a_round = static_cast<int>(blockDim.x) / 32 * 2;
    const int64_t blocks = (m.columns + kGramBlock - 1) / kGramBlock;
    const int64_t words = (m.columns + 31) / 32;
    const int places = m.expert_count * kAgreementSums;
    for (int place = threadIdx.x; place < places; place += blockDim.x) {
        totals[place] = 0.0;
    }
    int non_finite = 0;
    for (int64_t round = 0; round < blocks; round += blocks_a_round) {
        const int64_t block = round + 2 * warp;
        if (block < blocks) {
            const UnifiedColumns c = unified_columns(m, channel, block);
            non_finite += elect_columns<Type>(a, c);
#pragma unroll 1
            for (int e = 0; e < m.expert_count; ++e) {
                uint32_t* mask = a.masks + (e * m.channels + channel) * words;
                mask_columns<Type>(a, c, e, mask, rounds + 2 * warp * kStride + e * kAgreementSums, kStride);
            }
        }
        __syncthreads();
        const int64_t left = blocks - round;
        const int count = static_cast<int>(left < blocks_a_round ? left : blocks_a_round);
        for (int place = threadIdx.x; place < places; place += blockDim.x) {
            double total = totals[place];
            for (int i = 0; i < count; ++i) {
                total = total + rounds[i * kStride + place];
            }
            totals[place] = total;
        }
        __syncthreads();
    }
    for (int place = threadIdx.x; place < places; place += blockDim.x) {
        a.sums[channel * places + place] = canonical_sum(totals[place]);
    }
    add_non_finite(a.non_finite, non_finite);
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(128) interfuse_elect_unified_bf16(
    const interfuse::ElectUnifiedArguments a) {
    interfuse::elect_unified<interfuse::kBFloat16>(a);
}
INTERFUSE_KERNEL(interfuse_elect_unified_bf16)

extern "C" __global__ void __launch_bounds__(128) interfuse_elect_unified_f16(
    const interfuse::ElectUnifiedArguments a) {
    interfuse::elect_unified<interfuse::kFloat16>(a);
}
INTERFUSE_KERNEL(interfuse_elect_unified_f16)

extern "C" __global__ void __launch_bounds__(128) interfuse_elect_unified_mixed(
    const interfuse::ElectUnifiedArguments a) {
    interfuse::elect_unified<interfuse::kMixed>(a);
}
INTERFUSE_KERNEL(interfuse_elect_unified_mixed)
