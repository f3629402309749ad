// Sparse banks: rows against the dense matrix with values put in, products against the canonical order, written out.
#include "bank_products.h"

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int kExperts = 3;
constexpr int kShared = -1;

/// A bank on the device, and every row of it here: the dense ones first, then each expert's.
struct SparseBank {
    SparseBank(int64_t channels, int64_t columns, int32_t dtype, bool special, size_t offset, bool wide)
        : channels(channels), columns(columns), wide(wide), dense(floats(channels * columns, special, 1), dtype, offset),
          places(chosen(channels, columns)), values(floats(places.size(), special, 2), dtype, offset), starts(starts_),
          narrow(std::vector<uint16_t>(places.begin(), places.end())), broad(places) {
        rows = dense.values;
        for (int e = 0; e < kExperts; ++e) {
            rows.insert(rows.end(), dense.values.begin(), dense.values.end());
        }
        for (size_t row = 0; row + 1 < starts_.size(); ++row) {
            for (int32_t v = starts_[row]; v < starts_[row + 1]; ++v) {
                rows[(channels + row) * columns + places[v]] = values.values[v];
            }
        }
    }

    SparseSource source(int32_t element) const {
        SparseSource source{};
        source.dense = dense.get();
        source.starts = starts.get();
        source.places = wide ? static_cast<const void*>(broad.get()) : narrow.get();
        source.values = values.get();
        source.channels = channels;
        source.columns = columns;
        source.wide_places = wide ? 1 : 0;
        source.element = element;
        return source;
    }

    static std::vector<float> floats(size_t count, bool special, uint64_t seed) {
        return special ? special_floats(count, seed) : normal_floats(count, seed);
    }

    // No values, all, the ends alone, and some: whatever a warp's 32 at a time may meet.
    std::vector<int32_t> chosen(int64_t rows_of_one, int64_t length) {
        Random random(static_cast<uint64_t>(length));
        std::vector<int32_t> all;
        starts_ = {0};
        for (int64_t row = 0; row < kExperts * rows_of_one; ++row) {
            for (int32_t j = 0; j < length; ++j) {
                const bool is_end = j == 0 || j == length - 1;
                const bool kinds[] = {random.below(8) == 0, false, true, is_end, random.below(2) == 0};
                if (kinds[row % 5]) {
                    all.push_back(j);
                }
            }
            starts_.push_back(static_cast<int32_t>(all.size()));
        }
        return all;
    }

    std::vector<int32_t> starts_;
    const int64_t channels;
    const int64_t columns;
    const bool wide;
    const Tensor dense;
    const std::vector<int32_t> places;
    const Tensor values;
    const Buffer<int32_t> starts;
    const Buffer<uint16_t> narrow;
    const Buffer<int32_t> broad;
    std::vector<float> rows;
};

std::string name_of(const char* what, int64_t channels, int64_t columns, int32_t dtype) {
    return std::string(what) + ", " + std::to_string(channels) + " x " + std::to_string(columns) + " of type " +
           std::to_string(dtype);
}

void check_rows(int64_t columns, int32_t dtype, size_t offset) {
    const int64_t channels = 7;
    const SparseBank bank(channels, columns, dtype, true, offset, false);
    const Tensor made(std::vector<float>(3 * columns), dtype, offset);
    for (const int expert : {kShared, 0, 2}) {
        SparseRowsArguments arguments{};
        arguments.source = bank.source(static_cast<int32_t>(size_of(dtype)));
        arguments.rows.destination = made.get();
        arguments.rows.first_place = expert < 0 ? ~int64_t{2} : expert * channels + 2;
        arguments.rows.count = 3;
        launch("interfuse_sparse_rows", {3}, {256}, 0, arguments);
        const auto first = bank.rows.begin() + ((expert + 1) * channels + 2) * columns;
        made.expect(std::vector<float>(first, first + 3 * columns), name_of("rows", channels, columns, dtype));
    }

    SparseBatchArguments batch{};
    batch.source = bank.source(static_cast<int32_t>(size_of(dtype)));
    batch.rows.destination = made.get();
    batch.rows.count = 3;
    const int64_t asked[] = {2 * channels + 6, ~int64_t{5}, 4};
    std::vector<float> expected;
    for (int request = 0; request < 3; ++request) {
        batch.rows.places[request] = asked[request];
        const int64_t row = asked[request] < 0 ? ~asked[request] : asked[request] + channels;
        expected.insert(expected.end(), bank.rows.begin() + row * columns, bank.rows.begin() + (row + 1) * columns);
    }
    launch("interfuse_sparse_batch", {3}, {256}, 0, batch);
    made.expect(expected, name_of("batch", channels, columns, dtype));
}

void check_products(int members, int batch, int64_t channels, int64_t columns, int32_t dtype, bool special, size_t offset,
                    bool wide) {
    const SparseBank bank(channels, columns, dtype, special, offset, wide);
    const Tensor x(SparseBank::floats(batch * columns, special, 3), kBFloat16, offset);
    const Buffer<float> y(batch * channels);
    SparseMultiplyArguments arguments{};
    arguments.source = bank.source(dtype);
    fill_batch(batch, kShared, kExperts, static_cast<uint64_t>(batch + columns), arguments.products);
    arguments.products.x = x.get();
    arguments.products.y = y.get();
    arguments.products.x_dtype = x.dtype;
    arguments.products.aligned = columns % 8 == 0 && bank.dense.is_aligned() && x.is_aligned() ? 1 : 0;
    launch_products("interfuse_sparse_multiply", members, kSparseChannels, arguments);
    expect_equal(products_of(bank.rows, kShared, x.values, arguments.products, channels, columns), y.download(),
                 std::to_string(members) + " members, batch " + std::to_string(batch) +
                     name_of("", channels, columns, dtype));
}

void check_all(int members, int batch) {
    for (const int32_t dtype : {kFloat32, kBFloat16}) {
        for (const int64_t columns : {8, 256, 1032, 2312}) {
            check_products(members, batch, 7, columns, dtype, false, 0, false);
        }
        check_products(members, batch, 3, 264, dtype, true, 0, true);
        check_products(members, batch, 3, 261, dtype, true, 1, false);
    }
}

const Case rows("sparse_rows: dense rows with an expert's values", [] {
    for (const int32_t dtype : kDtypes) {
        for (const int64_t columns : {1, 8, 33, 520, 4097}) {
            check_rows(columns, dtype, 0);
        }
        check_rows(40, dtype, 3);
    }
});
const Case one("sparse_multiply_1: a vector by its expert's rows", [] { check_all(1, 1); });
const Case two("sparse_multiply_2: two vectors", [] { check_all(2, 2); });
const Case four("sparse_multiply_4: a few vectors", [] {
    check_all(4, 3);
    check_all(4, 13);
    check_products(4, 4, 2, 65544, kBFloat16, false, 0, true);
});
const Case many("sparse_multiply_4: the largest batch", [] {
    check_products(4, kBankBatch, 9, 520, kBFloat16, false, 0, false);
    check_products(4, 5, 3, 300, kFloat64, true, 0, false);
});

}  // namespace
