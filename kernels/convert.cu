// Conversion between element types.
#include "elements.cuh"

namespace interfuse {

// Each thread does one step of 8 elements. Grid-stride loops would save nothing here: the arguments lie in constant
// memory, and with one step per thread the block scheduler starts the next loads while the last stores drain.
constexpr int kConvertStep = 8;

struct ConvertArguments {
    const void* source;
    void* destination;
    int64_t length;
    unsigned long long* non_finite;
    int32_t source_dtype;
    int32_t destination_dtype;
    // Whether source and destination begin at multiples of 16 bytes.
    int32_t aligned;
    int32_t reserved;
};
static_assert(sizeof(ConvertArguments) == 48, "Mirrored by ConvertArguments in C#.");

static __device__ __forceinline__ int convert_step(const ConvertArguments& a, int64_t first) {
    if (a.aligned != 0 && first + kConvertStep <= a.length) {
        float values[kConvertStep];
        load_elements(a.source, a.source_dtype, first, values);
        return store_elements(a.destination, a.destination_dtype, first, values);
    }

    int non_finite = 0;
    for (int64_t index = first; index < first + kConvertStep && index < a.length; ++index) {
        const float value = load_element(a.source, a.source_dtype, index);
        non_finite += store_element(a.destination, a.destination_dtype, index, value);
    }
    return non_finite;
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(256) interfuse_convert(const interfuse::ConvertArguments a) {
    const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    interfuse::add_non_finite(a.non_finite, interfuse::convert_step(a, thread * interfuse::kConvertStep));
}
INTERFUSE_KERNEL(interfuse_convert)
