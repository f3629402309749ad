// Conversion between element types.
#include "steps.cuh"

namespace interfuse {

struct Conversion {
    static __device__ __forceinline__ bool is_cut(const ConvertArguments&, int64_t) {
        return false;
    }

    static __device__ __forceinline__ int whole(const ConvertArguments& a, int64_t index) {
        float values[kStep];
        load_elements<kStep>(a.source, a.source_dtype, index, values);
        return store_elements<kStep>(a.destination, a.destination_dtype, index, values);
    }

    static __device__ __forceinline__ int single(const ConvertArguments& a, int64_t index) {
        const float value = load_element(a.source, a.source_dtype, index);
        return store_element(a.destination, a.destination_dtype, index, value);
    }
};

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_convert(
    const interfuse::ConvertArguments a) {
    interfuse::run_step<interfuse::Conversion>(a);
}
INTERFUSE_KERNEL(interfuse_convert)
