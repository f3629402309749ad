// The matrix products against their canonical order, written out: one chain of fused steps for each.
#include "tensors.h"

#include "matmul_arguments.h"

#include <cmath>
#include <string>
#include <vector>

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int kBankRows = 13;

struct Tile {
    int name, rows, vectors;
    unsigned threads;
};

constexpr Tile kTiles[] = {{16, 32, 16, 128}, {64, 64, 64, 128}, {128, 128, 128, 256}};

/// Values whose products are so small that sums of -0 come out.
std::vector<float> tiny_floats(size_t count, uint64_t seed) {
    std::vector<float> values = normal_floats(count, seed);
    for (float& value : values) {
        value *= 1e-30f;
    }
    return values;
}

/// Multiplies and compares; the bits of a NaN are open.
void check(const Tile& tile, int64_t vectors, int64_t channels, int64_t columns, int32_t dtype,
           std::vector<float> (*values)(size_t, uint64_t), size_t offset) {
    const uint64_t seed = columns + vectors;
    const Tensor bank(values(kBankRows * columns, seed), dtype, offset);
    const Tensor x(values(vectors * columns, seed + 1), kFloat32, offset);
    Random random(seed);
    std::vector<int32_t> index(channels);
    for (int32_t& row : index) {
        row = static_cast<int32_t>(random.below(kBankRows));
    }
    const Buffer<int32_t> table(index);
    const Buffer<float> y(vectors * channels);

    MatMulArguments arguments{};
    arguments.rows = bank.get();
    arguments.index = table.get();
    arguments.x = static_cast<const float*>(x.get());
    arguments.y = y.get();
    arguments.channels = channels;
    arguments.columns = columns;
    arguments.vectors = vectors;
    arguments.y_stride = channels;
    arguments.rows_dtype = dtype;
    arguments.aligned = columns % 8 == 0 && bank.is_aligned() && x.is_aligned() ? 1 : 0;
    const int64_t tiles =
        (channels + tile.rows - 1) / tile.rows * ((vectors + tile.vectors - 1) / tile.vectors);
    launch(("interfuse_matmul_" + std::to_string(tile.name)).c_str(), {static_cast<unsigned>(tiles)}, {tile.threads}, 0,
           arguments);

    std::vector<float> expected;
    for (int64_t t = 0; t < vectors; ++t) {
        for (int64_t i = 0; i < channels; ++i) {
            float sum = 0.0f;
            for (int64_t j = 0; j < columns; ++j) {
                sum = std::fma(bank.values[index[i] * columns + j], x.values[t * columns + j], sum);
            }
            expected.push_back(canonical(sum));
        }
    }
    std::vector<float> actual = y.download();
    for (float& value : actual) {
        value = canonical(value);
    }
    expect_equal(expected, actual,
                 "matmul_" + std::to_string(tile.name) + ", " + std::to_string(vectors) + " vectors, " +
                     std::to_string(channels) + " x " + std::to_string(columns) + " of type " + std::to_string(dtype));
}

void check_all(const Tile& tile) {
    for (const int32_t dtype : kDtypes) {
        for (const int64_t columns : {8, 40, 1, 19}) {
            check(tile, tile.vectors + 3, tile.rows + 5, columns, dtype, normal_floats, 0);
            check(tile, 2, 7, columns, dtype, normal_floats, 1);
        }
        check(tile, 5, 9, 35, dtype, tiny_floats, 0);
        check(tile, 5, 9, 24, dtype, tiny_floats, 0);
        check(tile, 5, 9, 3, dtype, special_floats, 0);
    }
    check(tile, tile.vectors, tile.rows, 16, kBFloat16, normal_floats, 0);
}

const Case sixteen("matmul_16: tiles of 32 rows by 16 vectors", [] { check_all(kTiles[0]); });
const Case middle("matmul_64: tiles of 64 by 64", [] { check_all(kTiles[1]); });
const Case large("matmul_128: tiles of 128 by 128", [] { check_all(kTiles[2]); });

}  // namespace
