// TIES: elects a sign for each element and merges the experts that agree with it.
#include "merge.cuh"

namespace interfuse {

// All sums start at +0, so that none is ever -0; and adding a zero for an expert that disagrees changes no bit.

// An election by one element, once the sum of all v is known.
struct Election {
    float sum;
    // The sign that is elected; of no meaning where none is.
    float direction;
    bool is_decided;

    __device__ __forceinline__ Election(const MergeArguments& a, float sum_of_all) : sum(sum_of_all) {
        direction = sum < 0.0f ? -1.0f : 1.0f;
        is_decided = fabsf(sum) > a.undecided;
    }

    __device__ __forceinline__ bool is_with(float value) const {
        return value * direction > 0.0f;
    }

    // Without a majority the sum is 0 or NaN, and just that is the delta.
    __device__ __forceinline__ float delta(float agreed) const {
        return is_decided ? agreed : sum;
    }

    __device__ __forceinline__ float mean(float agreed, float weight) const {
        return delta(agreed) / (is_decided && weight != 0.0f ? weight : 1.0f);
    }
};

static __device__ __forceinline__ void fill_zero(float (&values)[kStep]) {
#pragma unroll
    for (int k = 0; k < kStep; ++k) {
        values[k] = 0.0f;
    }
}

// One element, for which the experts are read twice.
static __device__ __forceinline__ int elect_and_merge_single(const MergeArguments& a, int64_t index) {
    const float base_value = load_element(a.base, a.base_dtype, index);
    float sum = 0.0f;
#pragma unroll 1
    for (int e = 0; e < a.count; ++e) {
        sum = sum + contribution(a, e, index, base_value);
    }

    const Election election(a, sum);
    float agreed = 0.0f;
    float weight = 0.0f;
#pragma unroll 1
    for (int e = 0; e < a.count; ++e) {
        const float value = contribution(a, e, index, base_value);
        if (election.is_with(value)) {
            agreed = agreed + value;
            weight = weight + a.terms[e].weight;
        }
    }
    const float delta = a.normalize != 0 ? election.mean(agreed, weight) : election.delta(agreed);
    return store_merged(a, index, base_value, delta);
}

// No more experts than a group has. Their values stay in registers, where a second sweep is cheaper than summing both
// candidates in the first one.
template <bool Normalize, int32_t Type>
struct ElectFew {
    static __device__ __forceinline__ bool is_cut(const MergeArguments& a, int64_t index) {
        return is_any_cut<true>(a, index);
    }

    static __device__ __forceinline__ int single(const MergeArguments& a, int64_t index) {
        return elect_and_merge_single(a, index);
    }

    static __device__ __forceinline__ int whole(const MergeArguments& a, int64_t index) {
        Loaded<Type> base;
        base.load(a.base, a.base_dtype, index);
        ExpertGroup<Type> group;
        group.load(a, 0, index);
        float base_values[kStep];
        base.widen(base_values);

        float sum[kStep];
        fill_zero(sum);
        float values[kGroup][kStep];
#pragma unroll
        for (int e = 0; e < kGroup; ++e) {
            if (e == 0 || e < a.count) {
                group.contribute(a, 0, e, index, base_values, values[e]);
#pragma unroll
                for (int k = 0; k < kStep; ++k) {
                    sum[k] = sum[k] + values[e][k];
                }
            } else {
                fill_zero(values[e]);
            }
        }

#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            const Election election(a, sum[k]);
            float agreed = 0.0f;
            float weight = 0.0f;
#pragma unroll
            for (int e = 0; e < kGroup; ++e) {
                if (election.is_with(values[e][k])) {
                    agreed = agreed + values[e][k];
                    weight = weight + a.terms[e].weight;
                }
            }
            sum[k] = Normalize ? election.mean(agreed, weight) : election.delta(agreed);
        }
        return store_merged(a, index, base_values, sum);
    }
};

// Any number of experts, group by group: both candidates are summed in the one sweep that finds the majority.
template <int32_t Type>
struct ElectMany {
    static __device__ __forceinline__ bool is_cut(const MergeArguments& a, int64_t index) {
        return is_any_cut<false>(a, index);
    }

    static __device__ __forceinline__ int single(const MergeArguments& a, int64_t index) {
        return elect_and_merge_single(a, index);
    }

    static __device__ __forceinline__ int whole(const MergeArguments& a, int64_t index) {
        float base_values[kStep];
        load_elements<kStep>(a.base, a.base_dtype, index, base_values);
        float sum[kStep], positive[kStep], negative[kStep], positive_weight[kStep], negative_weight[kStep];
        fill_zero(sum);
        fill_zero(positive);
        fill_zero(negative);
        fill_zero(positive_weight);
        fill_zero(negative_weight);
#pragma unroll 1
        for (int first = 0; first < a.count; first += kGroup) {
            ExpertGroup<Type> group;
            group.load(a, first, index);
#pragma unroll
            for (int j = 0; j < kGroup; ++j) {
                if (j == 0 || first + j < a.count) {
                    float values[kStep];
                    group.contribute(a, first, j, index, base_values, values);
                    const float weight = a.terms[first + j].weight;
#pragma unroll
                    for (int k = 0; k < kStep; ++k) {
                        sum[k] = sum[k] + values[k];
                        if (values[k] > 0.0f) {
                            positive[k] = positive[k] + values[k];
                            positive_weight[k] = positive_weight[k] + weight;
                        }
                        if (values[k] < 0.0f) {
                            negative[k] = negative[k] + values[k];
                            negative_weight[k] = negative_weight[k] + weight;
                        }
                    }
                }
            }
        }

#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            const Election election(a, sum[k]);
            const float agreed = sum[k] < 0.0f ? negative[k] : positive[k];
            const float weight = sum[k] < 0.0f ? negative_weight[k] : positive_weight[k];
            sum[k] = a.normalize != 0 ? election.mean(agreed, weight) : election.delta(agreed);
        }
        return store_merged(a, index, base_values, sum);
    }
};

}  // namespace interfuse

// Three blocks on a processor: with fewer registers than that leaves, nvcc 11.8 keeps one value in memory.
extern "C" __global__ void __launch_bounds__(interfuse::kThreads, 3) interfuse_elect_and_merge_bf16_few_sum(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectFew<false, interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_bf16_few_sum)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads, 3) interfuse_elect_and_merge_bf16_few_mean(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectFew<true, interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_bf16_few_mean)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_elect_and_merge_bf16_many(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectMany<interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_bf16_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads, 3) interfuse_elect_and_merge_f16_few_sum(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectFew<false, interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_f16_few_sum)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads, 3) interfuse_elect_and_merge_f16_few_mean(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectFew<true, interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_f16_few_mean)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_elect_and_merge_f16_many(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectMany<interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_f16_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads, 3) interfuse_elect_and_merge_mixed_few_sum(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectFew<false, interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_mixed_few_sum)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads, 3) interfuse_elect_and_merge_mixed_few_mean(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectFew<true, interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_mixed_few_mean)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_elect_and_merge_mixed_many(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::ElectMany<interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_elect_and_merge_mixed_many)
