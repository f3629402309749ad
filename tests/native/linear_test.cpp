// interfuse_linear_combination_* against the formula.
#include "tensors.h"

#include <deque>

using namespace interfuse;
using namespace interfuse::test;

namespace {

// Input i has the type `types[i % types.size()]`.
void combine(const std::vector<int32_t>& types, int count, size_t length, size_t offset, int32_t result_type) {
    std::deque<Tensor> inputs;
    std::vector<int32_t> dtypes;
    const Tensor result(std::vector<float>(length), result_type, offset);
    const Buffer<unsigned long long> non_finite(1, 0ull);
    LinearCombinationArguments a{};
    std::vector<float> sum(length);
    bool aligned = result.is_aligned();
    for (int i = 0; i < count; ++i) {
        dtypes.push_back(types[i % types.size()]);
        inputs.emplace_back(special_floats(length, 10 + i), dtypes[i], offset);
        a.inputs[i] = inputs[i].get();
        a.dtypes[i] = dtypes[i];
        a.weights[i] = i == 2 ? 0.0f : 0.3f - 0.25f * static_cast<float>(i);
        aligned = aligned && inputs[i].is_aligned();
        for (size_t k = 0; k < length; ++k) {
            const float product = a.weights[i] * inputs[i].values[k];
            sum[k] = i == 0 ? product : sum[k] + product;
        }
    }
    a.destination = result.get();
    a.length = static_cast<int64_t>(length);
    a.non_finite = non_finite.get();
    a.count = count;
    a.destination_dtype = result_type;
    a.vectorized = aligned;
    const std::string kernel =
        "interfuse_linear_combination_" + type_name(dtypes) + (count <= 4 ? "_few" : "_many");
    launch(kernel.c_str(), {step_blocks(length)}, {256}, 0, a);
    const std::string what = kernel + " of " + std::to_string(count);
    result.expect(sum, what);
    expect_equal<unsigned long long>(count_non_finite(sum, result_type), non_finite.download()[0], what);
}

const Case counts("linear combination: 1 to 16 inputs of every type", [] {
    for (int32_t type : kDtypes) {
        for (int count = 1; count <= kMaxExperts; ++count) {
            combine({type}, count, 2500, 0, type);
        }
    }
});

const Case mixed("linear combination: inputs that differ in type, lengths and offsets", [] {
    for (size_t length : {size_t{1}, size_t{8}, size_t{15}, size_t{2048}, size_t{2049}}) {
        for (size_t offset : {size_t{0}, size_t{3}, size_t{8}}) {
            combine({kBFloat16, kFloat32, kFloat16, kFloat64}, 4, length, offset, kFloat32);
            combine({kFloat64, kFloat16, kBFloat16}, 7, length, offset, kBFloat16);
        }
    }
});

}  // namespace
