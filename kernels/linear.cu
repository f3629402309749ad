// The weighted sum of several tensors.
#include "steps.cuh"

namespace interfuse {

struct LinearCombinationArguments {
    const void* inputs[kMaxExperts];
    void* destination;
    int64_t length;
    unsigned long long* non_finite;
    float weights[kMaxExperts];
    int32_t dtypes[kMaxExperts];
    int32_t count;
    int32_t destination_dtype;
    // Whether inputs and destination begin at multiples of 16 bytes.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(LinearCombinationArguments) == 296, "Mirrored by LinearCombinationArguments in C#.");

// Few where there are no more inputs than a group has; Packed16 where all of them are of 16-bit types.
template <bool Few, bool Packed16>
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
        Loaded<Packed16> loaded[kGroup];
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
                loaded[j].widen(a.dtypes[first + j], values);
#pragma unroll
                for (int k = 0; k < kStep; ++k) {
                    sum[k] = sum[k] + a.weights[first + j] * values[k];
                }
            }
        }
    }
};

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_packed_few(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<true, true>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_packed_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_packed_many(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<false, true>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_packed_many)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_mixed_few(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<true, false>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_mixed_few)

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_linear_combination_mixed_many(
    const interfuse::LinearCombinationArguments a) {
    interfuse::run_step<interfuse::LinearCombination<false, false>>(a);
}
INTERFUSE_KERNEL(interfuse_linear_combination_mixed_many)
