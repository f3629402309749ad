// Norms, biases, rotations and gates against their formulas, written out.
#include "exponential.h"
#include "harness.h"

#include "decoder_arguments.h"

#include <cmath>
#include <string>
#include <vector>

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int64_t kExperts = 3;

using Values = std::vector<float> (*)(size_t, uint64_t);

/// The bits of a NaN are open.
void expect_floats(std::vector<float> expected, std::vector<float> actual, const std::string& what) {
    for (std::vector<float>* values : {&expected, &actual}) {
        for (float& value : *values) {
            value = canonical(value);
        }
    }
    expect_equal(expected, actual, what);
}

std::vector<int32_t> some_experts(int64_t items) {
    std::vector<int32_t> experts(items);
    for (int64_t item = 0; item < items; ++item) {
        experts[item] = static_cast<int32_t>(item * 2 % kExperts);
    }
    return experts;
}

unsigned quotient(int64_t value, int64_t divisor) {
    return static_cast<unsigned>((value + divisor - 1) / divisor);
}

void check_norm(int64_t items, int64_t rows_per_item, int64_t columns, Values values, bool in_place) {
    const int64_t rows = items * rows_per_item;
    const std::vector<float> x = values(rows * columns, columns);
    const std::vector<float> weights = values(kExperts * columns, columns + 1);
    const std::vector<int32_t> experts = some_experts(items);
    std::vector<float> expected;
    for (int64_t row = 0; row < rows; ++row) {
        std::vector<float> lanes(256, 0.0f);
        for (int64_t j = 0; j < columns; ++j) {
            const float value = x[row * columns + j];
            lanes[j % 256] = std::fma(value, value, lanes[j % 256]);
        }
        for (int half = 128; half > 0; half /= 2) {
            for (int lane = 0; lane < half; ++lane) {
                lanes[lane] += lanes[lane + half];
            }
        }
        const float scale = 1.0f / std::sqrt(lanes[0] / static_cast<float>(columns) + 1e-5f);
        for (int64_t j = 0; j < columns; ++j) {
            const float scaled = x[row * columns + j] * scale;
            expected.push_back(scaled * weights[experts[row / rows_per_item] * columns + j]);
        }
    }

    const Buffer<float> source(x);
    const Buffer<float> factors(weights);
    const Buffer<int32_t> table(experts);
    const Buffer<float> other(x.size());
    const Buffer<float>& result = in_place ? source : other;
    launch("interfuse_rms_norm", {static_cast<unsigned>(rows)}, {kDecoderThreads}, 0,
           RmsNormArguments{source.get(), factors.get(), table.get(), result.get(), columns, rows_per_item, 1e-5f, 0});
    expect_floats(expected, result.download(), "norms of " + std::to_string(columns));
}

void check_bias(int64_t items, int64_t rows_per_item, int64_t columns, Values values) {
    const std::vector<float> y = values(items * rows_per_item * columns, columns);
    const std::vector<float> bias = values(kExperts * columns, columns + 1);
    const std::vector<int32_t> experts = some_experts(items);
    std::vector<float> expected = y;
    for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
        expected[i] += bias[experts[i / columns / rows_per_item] * columns + i % columns];
    }

    const Buffer<float> result(y);
    const Buffer<float> added(bias);
    const Buffer<int32_t> table(experts);
    const int64_t parts = quotient(columns, 4 * kDecoderThreads);
    launch("interfuse_add_bias", {static_cast<unsigned>(items * rows_per_item * parts)}, {kDecoderThreads}, 0,
           AddBiasArguments{result.get(), added.get(), table.get(), columns, rows_per_item, parts});
    expect_floats(expected, result.download(), "biases of " + std::to_string(columns));
}

void check_rotation(int64_t tokens, int64_t heads, int64_t half, Values values) {
    const std::vector<float> x = values(tokens * heads * 2 * half, half);
    const std::vector<float> angles = values(tokens * 2 * half, half + 1);
    std::vector<float> expected = x;
    for (int64_t head = 0; head < tokens * heads; ++head) {
        for (int64_t i = 0; i < half; ++i) {
            const float a = x[head * 2 * half + i];
            const float b = x[head * 2 * half + half + i];
            const float cosine = angles[head / heads * 2 * half + i];
            const float sine = angles[head / heads * 2 * half + half + i];
            expected[head * 2 * half + i] = a * cosine - b * sine;
            expected[head * 2 * half + half + i] = b * cosine + a * sine;
        }
    }

    const Buffer<float> result(x);
    const Buffer<float> turns(angles);
    const int64_t parts = quotient(heads * half, kDecoderThreads);
    launch("interfuse_rotate", {static_cast<unsigned>(tokens * parts)}, {kDecoderThreads}, 0,
           RotateArguments{result.get(), turns.get(), half, heads * half, parts});
    expect_floats(expected, result.download(), "rotations of " + std::to_string(2 * half));
}

void check_gates(int64_t length, Values values, size_t offset) {
    const std::vector<float> gate = values(length + offset, length);
    const std::vector<float> up = values(length + offset, length + 1);
    std::vector<float> expected = up;
    for (size_t i = offset; i < gate.size(); ++i) {
        expected[i] = gate[i] / (1.0f + exponential(-gate[i])) * up[i];
    }

    const Buffer<float> gates(gate);
    const Buffer<float> result(up);
    launch("interfuse_swiglu", {quotient(length, 4 * kDecoderThreads)}, {kDecoderThreads}, 0,
           SwiGluArguments{gates.get(offset), result.get(offset), result.get(offset), length, offset == 0 ? 1 : 0, 0});
    expect_floats(expected, result.download(), std::to_string(length) + " gates");
}

std::vector<float> wide_floats(size_t count, uint64_t seed) {
    std::vector<float> values = normal_floats(count, seed);
    for (float& value : values) {
        value *= 60.0f;
    }
    return values;
}

const Case norms("rms_norm: rows of several experts", [] {
    for (const int64_t columns : {1, 31, 256, 257, 1000}) {
        check_norm(5, 1, columns, normal_floats, false);
        check_norm(2, 3, columns, normal_floats, true);
        check_norm(2, 1, columns, special_floats, false);
    }
});
const Case biases("add_bias: rows of several experts", [] {
    for (const int64_t columns : {1, 1023, 1024, 2100}) {
        check_bias(4, 2, columns, normal_floats);
        check_bias(1, 1, columns, special_floats);
    }
});
const Case rotations("rotate: heads of every length", [] {
    for (const int64_t half : {1, 8, 64, 130}) {
        check_rotation(3, 5, half, normal_floats);
        check_rotation(1, 2, half, special_floats);
    }
});
const Case gates("swiglu: aligned and not", [] {
    for (const int64_t length : {1, 4, 1023, 1024, 5003}) {
        check_gates(length, wide_floats, 0);
        check_gates(length, special_floats, 1);
    }
});

}  // namespace
