// The weighted sum of several tensors.
#include "steps.cuh"

namespace interfuse {

// Few where there are no more inputs than a group has; Type is the type of all of them or kMixed.
template <bool Few, int32_t Type>
struct LinearCombination {
    static __device__ __forceinline__ bool is_cut(const LinearCombinationArguments&, int64_t) {
        return false;
    }

    static __device__ __forceinline__ int whole(const LinearCombinationArguments& a, int64_t index) {
        // Adding to -0 changes nothing, not even a first -0.
        float sum[kStep];
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            sum[k] = -0.0f;
        }
#pragma unroll 1
        for (int first = 0; first < (Few ? 1 : a.count); first += kGroup) {
            add_group(a, first, index, sum);
        }
        return store_elements<kStep>(a.destination, a.destination_dtype, index, sum);
    }

    static __device__ __forceinline__ int single(const LinearCombinationArguments& a, int64_t index) {
        float sum = -0.0f;
#pragma unroll 1
        for (int i = 0; i < a.count; ++i) {
            sum = sum + a.weights[i] * load_element(a.inputs[i], a.dtypes[i], index);
        }
        return store_element(a.destination, a.destination_dtype, index, sum);
    }

    static __device__ __forceinline__ void add_group(
        const LinearCombinationArguments& a, int first, int64_t index, float (&sum)[kStep]) {
        Loaded<Type> loaded[kGroup];
#pragma unroll
        for (int j = 0; j < kGroup; ++j) {
            if (j == 0 || first + j < a.count) {
                loaded[j].load(a.inputs[first + j], a.dtypes[first + j], index);
            }
        }
#pragma unroll
        for (int j = 0; j < kGroup; ++j) {
            if (j == 0 || first + j < a.count) {
                float values[kStep];
                loaded[j].widen(values);
#pragma unroll
                for (int k = 0; k < kStep; ++k) {
                    sum[k] = sum[k] + a.weights[first + j] * values[k];
                }
            }
        }
    }
};

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_bf16_few(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<true, interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_bf16_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_bf16_many(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<false, interfuse::kBFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_bf16_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_f16_few(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<true, interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_f16_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_f16_many(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<false, interfuse::kFloat16>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_f16_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_mixed_few(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<true, interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_mixed_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_mixed_many(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<false, interfuse::kMixed>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_mixed_many)
