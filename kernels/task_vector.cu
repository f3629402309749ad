// The trimmed task vector.
#include "task_terms.cuh"

namespace interfuse {

struct TaskVector {
    static __device__ __forceinline__ bool is_cut(const TaskVectorArguments& a, int64_t index) {
        return interfuse::is_cut(a.term, index);
    }

    static __device__ __forceinline__ int whole(const TaskVectorArguments& a, int64_t index) {
        float base_values[kStep];
        float deltas[kStep];
        load_elements<kStep>(a.base, a.base_dtype, index, base_values);
        load_elements<kStep>(a.term.expert, a.term.dtype, index, deltas);
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            deltas[k] = deltas[k] - base_values[k];
        }
        if (trims(a.term)) {
            trim_step(a.term, index, deltas);
        }
        return store_elements<kStep>(a.destination, a.destination_dtype, index, deltas);
    }

    static __device__ __forceinline__ int single(const TaskVectorArguments& a, int64_t index) {
        const float base_value = load_element(a.base, a.base_dtype, index);
        const float delta = load_element(a.term.expert, a.term.dtype, index) - base_value;
        const bool kept = !trims(a.term) || magnitude_bits(delta) >= minimum_bits(a.term, index);
        return store_element(a.destination, a.destination_dtype, index, kept ? delta : 0.0f);
    }
};

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_task_vector(
    const interfuse::TaskVectorArguments a) {
    interfuse::run_step<interfuse::TaskVector>(a);
}
INTERFUSE_KERNEL(interfuse_task_vector)
