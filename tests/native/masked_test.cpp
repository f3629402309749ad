// Masked banks: rows against base + scale * unified where a bit is set, products against the canonical order, written out.
#include "bank_products.h"

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int kExperts = 3;

std::vector<float> floats(size_t count, bool special, uint64_t seed) {
    return special ? special_floats(count, seed) : normal_floats(count, seed);
}

/// A bank on the device, and every expert's rows here.
struct MaskedBank {
    MaskedBank(int64_t channels, int64_t columns, int32_t dtype, bool special, size_t offset)
        : channels(channels), columns(columns), words((columns + 31) / 32),
          base(floats(channels * columns, special, 1), dtype, offset),
          unified(floats(channels * columns, special, 2), dtype, offset), bits(random_words(channels)), mask(bits),
          scales({0.75f, -1.5f, 1.0f}) {
        for (int64_t row = 0; row < kExperts * channels; ++row) {
            for (int64_t j = 0; j < columns; ++j) {
                const int64_t element = row % channels * columns + j;
                const float added = kScales[row / channels] * unified.values[element];
                const bool is_set = (bits[row * words + j / 32] >> (j % 32) & 1u) != 0;
                rows.push_back(is_set ? stored(base.values[element] + added, dtype) : base.values[element]);
            }
        }
    }

    MaskedSource source(bool aligned) const {
        MaskedSource source{};
        source.base = base.get();
        source.unified = unified.get();
        source.mask = mask.get();
        source.scales = scales.get();
        source.channels = channels;
        source.columns = columns;
        source.words_per_row = words;
        source.dtype = base.dtype;
        source.aligned = aligned ? 1 : 0;
        return source;
    }

    bool is_aligned() const { return columns % 8 == 0 && base.is_aligned() && unified.is_aligned(); }

    // Rows with no bits, with all, and with some.
    std::vector<uint32_t> random_words(int64_t rows_of_one) const {
        Random random(static_cast<uint64_t>(columns));
        std::vector<uint32_t> chosen;
        for (int64_t row = 0; row < kExperts * rows_of_one; ++row) {
            for (int64_t w = 0; w < words; ++w) {
                const uint32_t any = static_cast<uint32_t>(random.next());
                chosen.push_back(row % 4 == 0 ? 0u : row % 4 == 1 ? 0xFFFFFFFFu : any);
            }
        }
        return chosen;
    }

    static constexpr float kScales[kExperts] = {0.75f, -1.5f, 1.0f};

    const int64_t channels;
    const int64_t columns;
    const int64_t words;
    const Tensor base;
    const Tensor unified;
    const std::vector<uint32_t> bits;
    const Buffer<uint32_t> mask;
    const Buffer<float> scales;
    std::vector<float> rows;
};

std::string name_of(const char* what, int64_t channels, int64_t columns, int32_t dtype) {
    return std::string(what) + ", " + std::to_string(channels) + " x " + std::to_string(columns) + " of type " +
           std::to_string(dtype);
}

unsigned blocks_for(int64_t requests, int64_t columns) {
    return static_cast<unsigned>((requests * ((columns + 7) / 8) + 255) / 256);
}

void check_rows(int64_t columns, int32_t dtype, size_t offset) {
    const int64_t channels = 7;
    const MaskedBank bank(channels, columns, dtype, true, offset);
    const Tensor made(std::vector<float>(5 * columns), dtype, offset);
    MaskedRowsArguments arguments{};
    arguments.source = bank.source(bank.is_aligned() && made.is_aligned());
    arguments.rows.destination = made.get();
    arguments.rows.first_place = 2 * channels + 1;
    arguments.rows.count = 5;
    launch("interfuse_masked_rows", {blocks_for(5, columns)}, {256}, 0, arguments);
    const auto first = bank.rows.begin() + arguments.rows.first_place * columns;
    made.expect(std::vector<float>(first, first + 5 * columns), name_of("rows", channels, columns, dtype));

    MaskedBatchArguments batch{};
    batch.source = arguments.source;
    batch.rows.destination = made.get();
    batch.rows.count = 5;
    std::vector<float> expected;
    for (int request = 0; request < 5; ++request) {
        const int64_t place = (request * 11 + 3) % (kExperts * channels);
        batch.rows.places[request] = place;
        expected.insert(expected.end(), bank.rows.begin() + place * columns, bank.rows.begin() + (place + 1) * columns);
    }
    launch("interfuse_masked_batch", {blocks_for(5, columns)}, {256}, 0, batch);
    made.expect(expected, name_of("batch", channels, columns, dtype));
}

void check_products(int members, int batch, int64_t channels, int64_t columns, int32_t dtype, bool special,
                    size_t offset) {
    const MaskedBank bank(channels, columns, dtype, special, offset);
    const Tensor x(floats(batch * columns, special, 3), kBFloat16, offset);
    const Buffer<float> y(batch * channels);
    MaskedMultiplyArguments arguments{};
    arguments.source = bank.source(bank.is_aligned());
    fill_batch(batch, 0, kExperts, static_cast<uint64_t>(batch + columns), arguments.products);
    arguments.products.x = x.get();
    arguments.products.y = y.get();
    arguments.products.x_dtype = x.dtype;
    arguments.products.aligned = bank.is_aligned() && x.is_aligned() ? 1 : 0;
    launch_products("interfuse_masked_multiply", members, kMaskedChannels, arguments);
    expect_equal(products_of(bank.rows, 0, x.values, arguments.products, channels, columns), y.download(),
                 std::to_string(members) + " members, batch " + std::to_string(batch) +
                     name_of("", channels, columns, dtype));
}

void check_all(int members, int batch) {
    for (const int32_t dtype : {kFloat32, kBFloat16, kFloat16}) {
        for (const int64_t columns : {8, 256, 1032, 2312}) {
            check_products(members, batch, 7, columns, dtype, false, 0);
        }
        check_products(members, batch, 3, 264, dtype, true, 0);
        check_products(members, batch, 3, 261, dtype, true, 1);
    }
}

const Case rows("masked_rows: the base and what the mask lets through", [] {
    for (const int32_t dtype : kDtypes) {
        for (const int64_t columns : {1, 8, 33, 520, 2056}) {
            check_rows(columns, dtype, 0);
        }
        check_rows(40, dtype, 3);
    }
});
const Case one("masked_multiply_1: a vector by its expert's rows", [] { check_all(1, 1); });
const Case two("masked_multiply_2: two vectors", [] { check_all(2, 2); });
const Case four("masked_multiply_4: a few vectors", [] {
    check_all(4, 3);
    check_all(4, 13);
});
const Case many("masked_multiply_4: the largest batch", [] {
    check_products(4, kBankBatch, 9, 520, kBFloat16, false, 0);
    check_products(4, 5, 3, 304, kFloat64, true, 0);
});

}  // namespace
