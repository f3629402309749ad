// interfuse_convert against the plain conversions.
#include "tensors.h"

using namespace interfuse;
using namespace interfuse::test;

namespace {

void convert(const std::vector<float>& values, int32_t from, size_t from_offset, int32_t to, size_t to_offset) {
    const Tensor source(values, from, from_offset);
    const Tensor result(std::vector<float>(values.size()), to, to_offset);
    const Buffer<unsigned long long> non_finite(1, 5ull);
    const int32_t vectorized = source.is_aligned() && result.is_aligned();
    launch("interfuse_convert", {step_blocks(values.size())}, {256}, 0,
           ConvertArguments{source.get(), result.get(), static_cast<int64_t>(values.size()), non_finite.get(), from, to,
                            vectorized, 0});
    const std::string what = std::to_string(from) + " to " + std::to_string(to);
    result.expect(source.values, what);
    expect_equal<unsigned long long>(5 + count_non_finite(source.values, to), non_finite.download()[0], what);
}

const Case types("convert: every pair of types, aligned or not, any length", [] {
    for (int32_t from : kDtypes) {
        for (int32_t to : kDtypes) {
            for (size_t length : {size_t{1}, size_t{7}, size_t{8}, size_t{257}, size_t{5003}}) {
                convert(special_floats(length, length), from, 0, to, 0);
                convert(special_floats(length, length), from, 1, to, length % 3);
            }
        }
    }
});

// All upper halves, and around each what decides about rounding.
const Case rounding("convert: rounding of float32 around every upper half", [] {
    constexpr uint32_t kLower[] = {0, 1, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
    std::vector<float> values;
    for (uint32_t upper = 0; upper < 0x10000; upper += 3) {
        for (uint32_t lower : kLower) {
            const uint32_t bits = upper << 16 | lower;
            float value;
            std::memcpy(&value, &bits, sizeof value);
            values.push_back(value);
        }
    }
    convert(values, kFloat32, 0, kBFloat16, 0);
    convert(values, kFloat32, 0, kFloat16, 0);
});

const Case halves("convert: every half widens exactly", [] {
    std::vector<float> values;
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        values.push_back(half_to_float(static_cast<uint16_t>(bits)));
    }
    convert(values, kFloat16, 0, kFloat32, 0);
});

}  // namespace
