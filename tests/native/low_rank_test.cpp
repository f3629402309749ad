// Rows of a low-rank bank against their definition, written out.
#include "tensors.h"

#include "low_rank_arguments.h"

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int64_t kExperts = 3;

struct Bank {
    Bank(int64_t m, int64_t n, int32_t r, int32_t dtype, size_t offset, bool special)
        : channels(m),
          columns(n),
          rank(r),
          shared(values(m * n, n, special), dtype, offset),
          left(values(kExperts * m * r, n + 1, special), dtype, offset),
          right(values(kExperts * r * n, n + 2, special), dtype, offset) {}

    static std::vector<float> values(size_t count, uint64_t seed, bool special) {
        return special ? special_floats(count, seed) : normal_floats(count, seed);
    }

    /// Appends the row of a place, or of the shared matrix where that is the complement of a row.
    void append(int64_t place, std::vector<float>& result) const {
        const int64_t row = place < 0 ? ~place : place % channels;
        for (int64_t j = 0; j < columns; ++j) {
            float sum = shared.values[row * columns + j];
            for (int32_t k = 0; place >= 0 && k < rank; ++k) {
                sum = std::fma(
                    left.values[place * rank + k], right.values[(place / channels * rank + k) * columns + j], sum);
            }
            result.push_back(sum);
        }
    }

    LowRankSource source(const Tensor& result) const {
        const bool aligned = shared.is_aligned() && result.is_aligned() && columns % 8 == 0;
        return {shared.get(), left.get(), right.get(), result.get(), channels, columns, rank, shared.dtype, aligned, 0};
    }

    std::string what() const {
        return std::to_string(channels) + " x " + std::to_string(columns) + " of rank " + std::to_string(rank) + ", type "
            + std::to_string(shared.dtype);
    }

    const int64_t channels;
    const int64_t columns;
    const int32_t rank;
    const Tensor shared;
    const Tensor left;
    const Tensor right;
};

unsigned blocks_for(int64_t groups, int64_t columns) {
    return static_cast<unsigned>((groups * ((columns + 7) / 8) + 255) / 256);
}

void check_rows(const Bank& bank, int64_t first, int64_t count, size_t offset) {
    std::vector<float> expected;
    for (int64_t row = first; row < first + count; ++row) {
        bank.append(bank.channels + row, expected);
    }
    const Tensor result(std::vector<float>(count * bank.columns), bank.shared.dtype, offset);
    launch("interfuse_low_rank_rows", {blocks_for((count + kLowRankRows - 1) / kLowRankRows, bank.columns)}, {256}, 0,
           LowRankRowsArguments{bank.source(result), bank.channels + first, count});
    result.expect(expected, std::to_string(count) + " rows of " + bank.what());
}

const Case rows("low_rank: rows that follow one another, of every type", [] {
    for (const int32_t dtype : kDtypes) {
        for (const int64_t columns : {1, 8, 30, 264}) {
            for (const size_t offset : {size_t{0}, size_t{1}}) {
                const Bank bank(11, columns, 5, dtype, offset, false);
                check_rows(bank, 0, 11, offset);
                check_rows(bank, 3, 1, offset);
                check_rows(bank, 2, 6, offset);
            }
        }
    }
});

const Case special("low_rank: values that are not finite, denormals and zeros", [] {
    for (const int32_t dtype : kDtypes) {
        check_rows(Bank(9, 64, 3, dtype, 0, true), 0, 9, 0);
        check_rows(Bank(9, 33, 3, dtype, 0, true), 0, 9, 0);
    }
});

const Case batch("low_rank_batch: rows of experts and of the shared matrix in the batch's order", [] {
    for (const int32_t dtype : kDtypes) {
        for (const int64_t columns : {7, 16}) {
            const Bank bank(10, columns, 4, dtype, 0, false);
            for (const int count : {1, 9, kLowRankBatch}) {
                const Tensor result(std::vector<float>(count * columns), dtype);
                LowRankBatchArguments arguments{bank.source(result), count, {}};
                Random random(count);
                std::vector<float> expected;
                for (int request = 0; request < count; ++request) {
                    const int64_t place = static_cast<int64_t>(random.below(40)) - 10;
                    arguments.places[request] = place;
                    bank.append(place, expected);
                }
                launch("interfuse_low_rank_batch", {blocks_for(count, columns)}, {256}, 0, arguments);
                result.expect(expected, std::to_string(count) + " requests of " + bank.what());
            }
        }
    }
});

}  // namespace
