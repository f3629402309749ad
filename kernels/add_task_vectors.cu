// Task vectors added to the base: task arithmetic, and DARE where terms drop.
#include "merge.cuh"

namespace interfuse {

// Few where there are no more experts than a group has; Type is the type of all inputs or kMixed.
template <bool Few, int32_t Type>
struct AddTaskVectors {
    static __device__ __forceinline__ bool is_cut(const MergeArguments& a, int64_t index) {
        return is_any_cut<Few>(a, index);
    }

    static __device__ __forceinline__ int whole(const MergeArguments& a, int64_t index) {
        Loaded<Type> base;
        base.load(a.base, a.base_dtype, index);
        float base_values[kStep];

        // Adding to -0 changes nothing, not even a first -0.
        float sum[kStep];
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            sum[k] = -0.0f;
        }
#pragma unroll 1
        for (int first = 0; first < (Few ? 1 : a.count); first += kGroup) {
            ExpertGroup<Type> group;
            group.load(a, first, index);
            base.widen(base_values);
#pragma unroll
            for (int j = 0; j < kGroup; ++j) {
                if (j == 0 || first + j < a.count) {
                    float values[kStep];
                    group.contribute(a, first, j, index, base_values, values);
#pragma unroll
                    for (int k = 0; k < kStep; ++k) {
                        sum[k] = sum[k] + values[k];
                    }
                }
            }
        }
        if (a.divisor != 1.0f) {
#pragma unroll
            for (int k = 0; k < kStep; ++k) {
                sum[k] = sum[k] / a.divisor;
            }
        }
        return store_merged(a, index, base_values, sum);
    }

    static __device__ __forceinline__ int single(const MergeArguments& a, int64_t index) {
        const float base_value = load_element(a.base, a.base_dtype, index);
        float sum = -0.0f;
#pragma unroll 1
        for (int e = 0; e < a.count; ++e) {
            sum = sum + contribution(a, e, index, base_value);
        }
        return store_merged(a, index, base_value, sum / a.divisor);
    }
};

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_add_task_vectors_bf16_few(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::AddTaskVectors<true, interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_add_task_vectors_bf16_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_add_task_vectors_bf16_many(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::AddTaskVectors<false, interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_add_task_vectors_bf16_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_add_task_vectors_f16_few(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::AddTaskVectors<true, interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_add_task_vectors_f16_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_add_task_vectors_f16_many(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::AddTaskVectors<false, interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_add_task_vectors_f16_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_add_task_vectors_mixed_few(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::AddTaskVectors<true, interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_add_task_vectors_mixed_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_add_task_vectors_mixed_many(
    const interfuse::MergeArguments a) {
    interfuse::run_step<interfuse::AddTaskVectors<false, interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_add_task_vectors_mixed_many)
