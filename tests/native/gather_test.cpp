// Gathering rows of a bank: every unit of copying, whole pieces and what is left of them.
#include "harness.h"

#include "gather_arguments.h"

#include <string>
#include <vector>

using namespace interfuse;
using namespace interfuse::test;

namespace {

constexpr int kBankRows = 23;
constexpr int kPlaces = 70;

std::vector<uint8_t> random_bytes(size_t count, uint64_t seed) {
    Random random(seed);
    std::vector<uint8_t> bytes(count);
    for (uint8_t& byte : bytes) {
        byte = static_cast<uint8_t>(random.next());
    }
    return bytes;
}

std::vector<int32_t> random_index(uint64_t seed) {
    Random random(seed);
    std::vector<int32_t> index(kPlaces);
    for (int32_t& row : index) {
        row = static_cast<int32_t>(random.below(kBankRows));
    }
    return index;
}

std::vector<uint8_t> gathered(const std::vector<uint8_t>& bank, const std::vector<int32_t>& rows, size_t row_bytes) {
    std::vector<uint8_t> result;
    for (const int32_t row : rows) {
        result.insert(result.end(), bank.begin() + row * row_bytes, bank.begin() + (row + 1) * row_bytes);
    }
    return result;
}

unsigned blocks_for(int64_t rows, int64_t pieces) {
    return static_cast<unsigned>((rows * pieces + 7) / 8);
}

const Case consecutive_rows("gather: rows that follow one another, in every unit", [] {
    for (const int32_t unit : {1, 2, 4, 8, 16}) {
        for (const int64_t units : {1, 31, 128, 129, 700}) {
            const int64_t row_bytes = units * unit;
            const int64_t pieces = (units + kUnitsPerPiece - 1) / kUnitsPerPiece;
            const std::vector<uint8_t> bank = random_bytes(kBankRows * row_bytes, units);
            const std::vector<int32_t> index = random_index(unit);
            const std::vector<int32_t> wanted(index.begin() + 20, index.begin() + 31);
            const Buffer<uint8_t> rows(bank);
            const Buffer<int32_t> table(index);
            const Buffer<uint8_t> result(wanted.size() * row_bytes);
            const int64_t count = static_cast<int64_t>(wanted.size());
            launch("interfuse_gather", {blocks_for(count, pieces)}, {256}, 0,
                   GatherArguments{rows.get(), table.get(20), result.get(), row_bytes, count, pieces, unit, 0});
            expect_equal(gathered(bank, wanted, row_bytes), result.download(),
                         std::to_string(units) + " units of " + std::to_string(unit));
        }
    }
});

const Case batch("gather_batch: rows of a batch in its order", [] {
    const int64_t row_bytes = 2080;
    const std::vector<uint8_t> bank = random_bytes(kBankRows * row_bytes, 1);
    const std::vector<int32_t> index = random_index(2);
    const Buffer<uint8_t> rows(bank);
    const Buffer<int32_t> table(index);
    for (const int count : {1, 9, kGatherBatch}) {
        const Buffer<uint8_t> result(count * row_bytes);
        GatherBatchArguments arguments{rows.get(), table.get(), result.get(), row_bytes, 2, count, 16, {}};
        Random random(count);
        std::vector<int32_t> wanted;
        for (int request = 0; request < count; ++request) {
            arguments.places[request] = static_cast<int64_t>(random.below(kPlaces));
            wanted.push_back(index[arguments.places[request]]);
        }
        launch("interfuse_gather_batch", {blocks_for(count, 2)}, {256}, 0, arguments);
        expect_equal(gathered(bank, wanted, row_bytes), result.download(), std::to_string(count) + " requests");
    }
});

}  // namespace
