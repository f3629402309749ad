// interfuse_task_vector, interfuse_add_task_vectors_* and interfuse_elect_and_merge_* against their formulas.
#include "tensors.h"

#include <deque>

using namespace interfuse;
using namespace interfuse::test;

namespace {

const Case trimmed("task vector: expert - base, trimmed", [] {
    Random random(3);
    for (int32_t type : kDtypes) {
        for (size_t offset : {size_t{0}, size_t{1}}) {
            for (int kind : {0, 1, 4, 5, 1, 1}) {
                const size_t length = 2040 + random.below(30);
                const Tensor base(tied_floats(length, 1), type, offset);
                const Tensor expert(tied_floats(length, 2), kBFloat16, offset);
                const Tensor result(std::vector<float>(length), type, offset);
                const Buffer<unsigned long long> non_finite(1, 0ull);
                TaskTerm term = term_of(expert, 1.0f);
                thin_as(kind, length, random, term);
                std::vector<float> expected(length);
                for (size_t i = 0; i < length; ++i) {
                    expected[i] = thinned(term, i, 0, expert.values[i] - base.values[i]);
                }
                const int32_t vectorized = offset == 0 && is_finite(term);
                launch("interfuse_task_vector", {step_blocks(length)}, {256}, 0,
                       TaskVectorArguments{base.get(), result.get(), static_cast<int64_t>(length), non_finite.get(),
                                           term, type, type, vectorized, 0});
                const std::string what = "kind " + std::to_string(kind) + ", type " + std::to_string(type);
                result.expect(expected, what);
                expect_equal<unsigned long long>(count_non_finite(expected, type), non_finite.download()[0], what);
            }
        }
    }
});

struct Merge {
    std::vector<int32_t> types;
    int experts;
    int thinning;
    bool elect;
    bool normalize;
    bool zero_is_positive;
    size_t length;
    size_t offset;
};

float merged(const Merge& merge, const MergeArguments& a, float base, const std::vector<float>& values) {
    float sum = merge.elect ? 0.0f : -0.0f;
    for (float value : values) {
        sum = sum + value;
    }
    if (!merge.elect) {
        return base + a.lambda * (sum / a.divisor);
    }
    const bool positive = sum > 0.0f || (merge.zero_is_positive && sum == 0.0f);
    const bool negative = sum < 0.0f;
    float agreed = 0.0f;
    float weight = 0.0f;
    for (size_t e = 0; e < values.size(); ++e) {
        if ((positive && values[e] > 0.0f) || (negative && values[e] < 0.0f)) {
            agreed = agreed + values[e];
            weight = weight + a.terms[e].weight;
        }
    }
    const float delta = positive || negative ? agreed : sum;
    return base + a.lambda * (merge.normalize ? delta / (weight == 0.0f ? 1.0f : weight) : delta);
}

void run(const Merge& merge) {
    Random random(17);
    const size_t length = merge.length;
    const Tensor base(tied_floats(length, 99), merge.types[0], merge.offset);
    const Tensor result(std::vector<float>(length), merge.types.back(), merge.offset);
    const Buffer<unsigned long long> non_finite(1, 0ull);
    std::deque<Tensor> experts;
    std::vector<int32_t> dtypes{base.dtype};
    MergeArguments a{};
    a.base = base.get();
    a.destination = result.get();
    a.length = static_cast<int64_t>(length);
    a.first_element = (int64_t{1} << 35) - 8;
    a.non_finite = non_finite.get();
    a.count = merge.experts;
    a.base_dtype = base.dtype;
    a.destination_dtype = result.dtype;
    a.lambda = 0.7f;
    a.normalize = merge.normalize;
    a.undecided = merge.zero_is_positive ? -1.0f : 0.0f;
    bool vectorized = base.is_aligned() && result.is_aligned();
    float weights = 0.0f;
    for (int e = 0; e < merge.experts; ++e) {
        experts.emplace_back(tied_floats(length, 200 + e), merge.types[(e + 1) % merge.types.size()], merge.offset);
        dtypes.push_back(experts.back().dtype);
        // Every third weight is negative, and two of each three cancel.
        a.terms[e] = term_of(experts.back(), e % 3 == 2 ? -0.5f : 0.5f);
        thin_as(merge.thinning < 0 ? e : merge.thinning, length, random, a.terms[e]);
        weights = weights + a.terms[e].weight;
        vectorized = vectorized && experts.back().is_aligned() && is_finite(a.terms[e]);
    }
    a.divisor = merge.normalize && std::fabs(weights) >= 1e-8f ? weights : 1.0f;
    a.vectorized = vectorized;

    std::vector<float> expected(length);
    std::vector<float> values(merge.experts);
    for (size_t i = 0; i < length; ++i) {
        for (int e = 0; e < merge.experts; ++e) {
            const float delta = experts[e].values[i] - base.values[i];
            values[e] = a.terms[e].weight * thinned(a.terms[e], i, a.first_element, delta);
        }
        expected[i] = merged(merge, a, base.values[i], values);
    }

    const bool few = merge.experts <= 4;
    const std::string variant = !few ? "_many" : !merge.elect ? "_few" : merge.normalize ? "_few_mean" : "_few_sum";
    const std::string kernel = std::string("interfuse_") + (merge.elect ? "elect_and_merge_" : "add_task_vectors_") +
                               type_name(dtypes) + variant;
    launch(kernel.c_str(), {step_blocks(length)}, {256}, 0, a);
    const std::string what = kernel + " of " + std::to_string(merge.experts) + ", thinning " +
                             std::to_string(merge.thinning) + ", length " + std::to_string(length);
    result.expect(expected, what);
    expect_equal<unsigned long long>(count_non_finite(expected, result.dtype), non_finite.download()[0], what);
}

void run_all(bool elect) {
    for (const std::vector<int32_t>& types :
         {std::vector<int32_t>{kBFloat16}, {kFloat16}, {kFloat32}, {kBFloat16, kFloat32, kFloat64, kFloat16}}) {
        for (int experts : {1, 2, 3, 4, 5, 8, 11, 16}) {
            for (int thinning : {-1, 0, 1, 2, 3}) {
                run({types, experts, thinning, elect, (experts + thinning) % 2 == 0, experts % 3 != 0, 1003, 0});
                run({types, experts, thinning, elect, (experts + thinning) % 2 != 0, experts % 3 == 0, 2061, 0});
            }
            run({types, experts, -1, elect, true, false, 301, 3});
        }
    }
}

const Case additions("add task vectors: experts, types, thinning, offsets", [] { run_all(false); });

const Case elections("elect and merge: experts, types, thinning, offsets", [] { run_all(true); });

// Two experts who are each other's negative: every sum is zero.
const Case zero_sums("elect and merge: zero sums elect nobody, or plus", [] {
    for (bool positive : {false, true}) {
        const size_t length = 2048;
        const Tensor base(std::vector<float>(length, 1.0f), kBFloat16);
        const Tensor up(std::vector<float>(length, 1.5f), kBFloat16);
        const Tensor down(std::vector<float>(length, 0.5f), kBFloat16);
        const Tensor result(std::vector<float>(length), kFloat32);
        const Buffer<unsigned long long> non_finite(1, 0ull);
        MergeArguments a{};
        a.base = base.get();
        a.destination = result.get();
        a.length = length;
        a.non_finite = non_finite.get();
        a.terms[0] = term_of(up, 1.0f);
        a.terms[1] = term_of(down, 1.0f);
        a.count = 2;
        a.base_dtype = kBFloat16;
        a.destination_dtype = kFloat32;
        a.vectorized = 1;
        a.lambda = 1.0f;
        a.divisor = 1.0f;
        a.undecided = positive ? -1.0f : 0.0f;
        launch("interfuse_elect_and_merge_bf16_few_sum", {1}, {256}, 0, a);
        result.expect(std::vector<float>(length, positive ? 1.5f : 1.0f), "zero sums");
    }
});

}  // namespace
