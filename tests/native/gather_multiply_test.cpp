// The fused gather-multiply against its canonical order, written out.
#include "harness.h"

#include "gather_multiply_arguments.h"

#include <cmath>
#include <string>
#include <vector>

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int32_t kFloat32 = 0;
constexpr int32_t kBFloat16 = 1;
constexpr int kExperts = 4;
constexpr int kBankRows = 13;

float fused_dot(const float* w, const float* x, int64_t count) {
    std::vector<float> lanes(256, 0.0f);
    for (int64_t j = 0; j < count; ++j) {
        lanes[j % 256] = std::fma(w[j], x[j], lanes[j % 256]);
    }
    for (int half = 128; half > 0; half /= 2) {
        for (int lane = 0; lane < half; ++lane) {
            lanes[lane] += lanes[lane + half];
        }
    }
    return canonical(lanes[0]);
}

std::vector<float> rounded_to_bf16(std::vector<float> values) {
    for (float& value : values) {
        value = bf16_to_float(float_to_bf16(value));
    }
    return values;
}

/// Multiplies on the device with the kernel for so many members at a time, and compares.
void check(int members, int batch, int64_t channels, int64_t columns, int32_t dtype, bool special, bool aligned) {
    const uint64_t seed = columns + batch;
    std::vector<float> bank = special ? special_floats(kBankRows * columns, seed) : normal_floats(kBankRows * columns, seed);
    std::vector<float> x = special ? special_floats(batch * columns, seed + 1) : normal_floats(batch * columns, seed + 1);
    Random random(seed);
    std::vector<int32_t> index(kExperts * channels);
    for (int32_t& row : index) {
        row = static_cast<int32_t>(random.below(kBankRows));
    }
    GatherMultiplyArguments arguments{};
    for (int b = 0; b < batch; ++b) {
        arguments.experts[b] = static_cast<int32_t>(random.below(kExperts));
    }

    const Buffer<uint16_t> narrow(to_bf16(bank));
    const Buffer<float> wide(bank);
    const Buffer<uint16_t> narrow_x(to_bf16(x));
    const Buffer<float> wide_x(x);
    const Buffer<int32_t> table(index);
    const Buffer<float> y(batch * channels);
    const bool is_narrow = dtype == kBFloat16;
    arguments.rows = is_narrow ? static_cast<const void*>(narrow.get()) : wide.get();
    arguments.x = is_narrow ? static_cast<const void*>(narrow_x.get()) : wide_x.get();
    arguments.index = table.get();
    arguments.y = y.get();
    arguments.channels = channels;
    arguments.columns = columns;
    arguments.rows_dtype = arguments.x_dtype = dtype;
    arguments.batch = batch;
    arguments.aligned = aligned ? 1 : 0;
    const int groups = (batch + members - 1) / members;
    const int side_by_side = groups < 2 ? 1 : 2;
    const int64_t channels_a_block = kMultiplyWarps / side_by_side * kMultiplyChannels;
    const int64_t blocks = (channels + channels_a_block - 1) / channels_a_block * ((groups + side_by_side - 1) / side_by_side);
    launch(("interfuse_gather_multiply_" + std::to_string(members)).c_str(), {static_cast<unsigned>(blocks)},
           {kMultiplyWarps * 32}, 0, arguments);

    if (is_narrow) {
        bank = rounded_to_bf16(bank);
        x = rounded_to_bf16(x);
    }
    std::vector<float> expected;
    for (int b = 0; b < batch; ++b) {
        for (int64_t i = 0; i < channels; ++i) {
            const int64_t row = index[arguments.experts[b] * channels + i];
            expected.push_back(fused_dot(&bank[row * columns], &x[b * columns], columns));
        }
    }
    expect_equal(expected, y.download(),
                 std::to_string(members) + " members, batch " + std::to_string(batch) + ", " + std::to_string(channels) +
                     " x " + std::to_string(columns) + " of type " + std::to_string(dtype));
}

void check_all(int members, int batch) {
    for (const int32_t dtype : {kFloat32, kBFloat16}) {
        for (const int64_t columns : {8, 256, 1024, 2312}) {
            check(members, batch, 7, columns, dtype, false, true);
        }
        check(members, batch, 3, 264, dtype, true, true);
        check(members, batch, 3, 261, dtype, true, false);
    }
}

const Case one("gather_multiply_1: a vector by its expert's rows", [] { check_all(1, 1); });
const Case two("gather_multiply_2: two vectors", [] { check_all(2, 2); });
const Case four("gather_multiply_4: a few vectors", [] {
    check_all(4, 3);
    check_all(4, 6);
});
const Case many("gather_multiply_4: the largest batch", [] { check(4, kMaxBatch, 9, 520, kBFloat16, false, true); });

}  // namespace
