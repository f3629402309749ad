// The kernels of the exact top-k selection, one by one, against sorting and counting.
#include "harness.h"

#include "select_arguments.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace interfuse::test;
using namespace interfuse::selection;

namespace {

constexpr int32_t kFloat32 = 0;
constexpr int32_t kBFloat16 = 1;
constexpr int32_t kFloat16 = 2;
constexpr int32_t kFloat64 = 3;

/// A base and an expert on the device, the magnitudes of their deltas here.
class Inputs {
public:
    Inputs(const std::vector<float>& base, int32_t base_dtype, const std::vector<float>& expert, int32_t expert_dtype,
           size_t offset = 0)
        : base_(bytes(base, base_dtype, offset)), expert_(bytes(expert, expert_dtype, offset)) {
        pair = {base_.get(offset * size(base_dtype)), expert_.get(offset * size(expert_dtype)),
                static_cast<int64_t>(base.size()), base_dtype, expert_dtype};
        for (size_t i = 0; i < base.size(); ++i) {
            deltas.push_back(widened(expert[i], expert_dtype) - widened(base[i], base_dtype));
            uint32_t bits;
            std::memcpy(&bits, &deltas.back(), sizeof bits);
            magnitudes.push_back(std::isnan(deltas.back()) ? 0x7FC00000u : bits & 0x7FFFFFFFu);
        }
    }

    Pair pair;
    std::vector<float> deltas;
    std::vector<uint32_t> magnitudes;

private:
    static size_t size(int32_t dtype) { return dtype == kFloat64 ? 8 : dtype == kFloat32 ? 4 : 2; }

    static float widened(float value, int32_t dtype) {
        return dtype == kBFloat16 ? bf16_to_float(float_to_bf16(value))
                                  : dtype == kFloat16 ? half_to_float(float_to_half(value)) : value;
    }

    static std::vector<uint8_t> bytes(const std::vector<float>& values, int32_t dtype, size_t offset) {
        std::vector<uint8_t> result((values.size() + offset) * size(dtype));
        for (size_t i = 0; i < values.size(); ++i) {
            uint8_t* place = &result[(i + offset) * size(dtype)];
            if (dtype == kFloat64) {
                const double wide = values[i];
                std::memcpy(place, &wide, sizeof wide);
            } else if (dtype == kFloat32) {
                std::memcpy(place, &values[i], sizeof(float));
            } else {
                const uint16_t half = dtype == kBFloat16 ? float_to_bf16(values[i]) : float_to_half(values[i]);
                std::memcpy(place, &half, sizeof half);
            }
        }
        return result;
    }

    Buffer<uint8_t> base_;
    Buffer<uint8_t> expert_;
};

unsigned blocks(int64_t count, int64_t each) {
    return static_cast<unsigned>((count + each - 1) / each);
}

std::vector<unsigned> sorted(std::vector<unsigned> values) {
    std::sort(values.begin(), values.end());
    return values;
}

/// Runs `body` on inputs that differ in type, length, alignment and kind of values; one of them is longer than a tile.
template <class Body>
void with_inputs(Body body) {
    const int32_t dtypes[] = {kFloat32, kBFloat16, kFloat16, kFloat64};
    uint64_t seed = 1;
    for (const size_t length : {1u, 7u, 2049u, 5000u}) {
        for (size_t type = 0; type < 4; ++type) {
            const int32_t expert = dtypes[type];
            const int32_t base = length == 2049 ? dtypes[(type + 1) % 4] : expert;
            const size_t offset = length == 7 ? 1 : 0;
            body(Inputs(special_floats(length, seed), base, special_floats(length, seed + 1), expert, offset),
                 std::to_string(length) + " elements of type " + std::to_string(expert));
            seed += 2;
        }
    }
    body(Inputs(special_floats(66001, 3), kBFloat16, special_floats(66001, 4), kBFloat16), "two tiles");
    body(Inputs(std::vector<float>(9000, 0.0f), kBFloat16, std::vector<float>(9000, 2.0f), kBFloat16), "all equal");
    body(Inputs(normal_floats(5000, 5), kFloat32, normal_floats(5000, 6), kFloat32, 1), "not aligned");
}

State state_of(unsigned low, unsigned high) {
    State state{};
    state.value[0] = low;
    state.value[1] = high;
    return state;
}

void expect_sweep(const Inputs& inputs, unsigned low, unsigned high, int32_t chunk, int64_t room,
                  const std::string& what) {
    const size_t tiles = blocks(inputs.pair.length, kTileLength);
    const Buffer<State> state(std::vector<State>{state_of(low, high)});
    const Buffer<unsigned> candidates(static_cast<size_t>(room) + 1, 0xABCDu);
    const Buffer<unsigned> candidate_tiles(static_cast<size_t>(room) + 1, 0xABCDu);
    const Buffer<unsigned> at_low(tiles, 0u);
    const Buffer<unsigned> at_high(tiles, 0u);
    launch("interfuse_select_sweep", {blocks(inputs.pair.length, chunk)}, {kThreads}, 0,
           SelectSweepArguments{inputs.pair, state.get(), candidates.get(), candidate_tiles.get(), at_low.get(),
                                at_high.get(), room, chunk, 0});

    State expected = state_of(low, high);
    std::vector<unsigned> expected_low(tiles);
    std::vector<unsigned> expected_high(tiles);
    std::vector<uint64_t> inside;
    for (size_t i = 0; i < inputs.magnitudes.size(); ++i) {
        const unsigned m = inputs.magnitudes[i];
        const size_t tile = i / kTileLength;
        expected.above += m > high;
        if (m == high) {
            ++expected.at_high;
            ++expected_high[tile];
        } else if (m == low) {
            ++expected.at_low;
            ++expected_low[tile];
        } else if (m > low && m < high) {
            inside.push_back(static_cast<uint64_t>(m) << 32 | tile);
        }
    }
    expected.inside = inside.size();
    expect_equal(expected, state.download()[0], what + ": the counts");
    expect_equal(expected_low, at_low.download(), what + ": at the lower edge");
    expect_equal(expected_high, at_high.download(), what + ": at the upper edge");

    const std::vector<unsigned> bits = candidates.download();
    const std::vector<unsigned> places = candidate_tiles.download();
    expect(bits.back() == 0xABCDu && places.back() == 0xABCDu, what + ": writes beyond the room");
    std::sort(inside.begin(), inside.end());
    std::vector<uint64_t> collected;
    for (size_t i = 0; i < std::min(inside.size(), static_cast<size_t>(room)); ++i) {
        collected.push_back(static_cast<uint64_t>(bits[i]) << 32 | places[i]);
    }
    std::sort(collected.begin(), collected.end());
    if (inside.size() <= static_cast<size_t>(room)) {
        expect_equal(inside, collected, what + ": collected");
    } else {
        expect(std::includes(inside.begin(), inside.end(), collected.begin(), collected.end()),
               what + ": what was collected lies inside");
    }
}

const Case sweep("select_sweep: counts above, at the edges and inside, and collects the inside", [] {
    with_inputs([](const Inputs& inputs, const std::string& what) {
        const std::vector<unsigned> order = sorted(inputs.magnitudes);
        const unsigned low = order[order.size() / 4];
        const unsigned high = order[order.size() / 2];
        expect_sweep(inputs, low, high, 2048, inputs.pair.length, what);
        expect_sweep(inputs, 0, 0x7FFFFFFFu, 65536, inputs.pair.length, what + ", everything");
        expect_sweep(inputs, high, high, 16384, inputs.pair.length, what + ", one magnitude");
        expect_sweep(inputs, low, order.back(), 4096, inputs.pair.length / 8, what + ", little room");
    });
});

void run_search(const Buffer<unsigned>& values, const Buffer<State>& state, const Buffer<unsigned>& bins) {
    const int shifts[] = {20, 9, 0};
    int bits = 31;
    for (const int shift : shifts) {
        launch("interfuse_select_digits", {3}, {kThreads}, 0,
               SelectDigitsArguments{values.get(), state.get(), bins.get(), static_cast<int64_t>(values.size()), shift,
                                     1 << (bits - shift)});
        launch("interfuse_select_pick", {2}, {kThreads}, 0, SelectPickArguments{state.get(), bins.get(), shift, 0});
        bits = shift;
    }
}

const Case digits("select_digits, select_pick: find the values at two ranks", [] {
    with_inputs([](const Inputs& inputs, const std::string& what) {
        const Buffer<unsigned> values(inputs.magnitudes);
        const Buffer<unsigned> bins(2 * kDigitBins, 0u);
        const std::vector<unsigned> order = sorted(inputs.magnitudes);
        const size_t count = order.size();
        for (const size_t rank : {(count + 1) / 2, count}) {
            State start{};
            start.rank[0] = rank;
            start.rank[1] = (rank + 1) / 2;
            const Buffer<State> state(std::vector<State>{start});
            run_search(values, state, bins);
            const State found = state.download()[0];
            for (int search = 0; search < 2; ++search) {
                const unsigned value = order[count - start.rank[search]];
                const auto equal = std::equal_range(order.begin(), order.end(), value);
                expect_equal(value, found.value[search], what + ": the value");
                expect_equal<uint64_t>(equal.second - equal.first, found.equal[search], what + ": its equals");
                expect_equal<uint64_t>(start.rank[search] - (order.end() - equal.second), found.rank[search],
                                       what + ": the rank among them");
            }
        }
        expect_equal(std::vector<unsigned>(2 * kDigitBins), bins.download(), what + ": the bins afterwards");
    });
});

const Case settled("select_digits, select_pick: leave a search alone whose value is known", [] {
    const Buffer<unsigned> values(sorted(std::vector<unsigned>{5, 3, 9, 3, 1}));
    const Buffer<unsigned> bins(2 * kDigitBins, 0u);
    State start = state_of(0, 77);
    start.rank[0] = 2;
    const Buffer<State> state(std::vector<State>{start});
    run_search(values, state, bins);
    expect_equal(5u, state.download()[0].value[0], "the search");
    expect_equal(77u, state.download()[0].value[1], "the known value");
});

const Case sample("select_sample: one group out of each part", [] {
    const size_t length = 100003;
    const int64_t groups = 333;
    std::vector<float> expert(length);
    for (size_t i = 0; i < length; ++i) {
        expert[i] = static_cast<float>(i);
    }
    for (const size_t offset : {0u, 1u}) {
        const Inputs inputs(std::vector<float>(length), kFloat32, expert, kFloat32, offset);
        const Buffer<unsigned> values(groups * kGroup);
        launch("interfuse_select_sample", {blocks(groups, kThreads)}, {kThreads}, 0,
               SelectSampleArguments{inputs.pair, values.get(), groups});
        const std::vector<unsigned> found = values.download();
        bool even = true;
        for (int64_t group = 0; group < groups; ++group) {
            float first;
            std::memcpy(&first, &found[group * kGroup], sizeof first);
            const int64_t place = static_cast<int64_t>(first) / kGroup;
            const int64_t all = length / kGroup;
            expect(place >= group * all / groups && place < (group + 1) * all / groups, "a group is from its part");
            even &= place == group * all / groups;
            for (int64_t i = 0; i < kGroup; ++i) {
                expect_equal(inputs.magnitudes[place * kGroup + i], found[group * kGroup + i], "an element of a group");
            }
        }
        expect(!even, "the places have no rhythm");
    }
});

const Case tally("select_tally: counts equals by tile", [] {
    std::vector<unsigned> bits;
    std::vector<unsigned> tiles;
    std::vector<unsigned> expected(9);
    Random random(3);
    for (int i = 0; i < 5000; ++i) {
        bits.push_back(static_cast<unsigned>(random.below(3)));
        tiles.push_back(static_cast<unsigned>(random.below(expected.size())));
        expected[tiles.back()] += bits.back() == 2;
    }
    const Buffer<unsigned> candidates(bits);
    const Buffer<unsigned> candidate_tiles(tiles);
    const Buffer<unsigned> counts(expected.size(), 0u);
    launch("interfuse_select_tally", {3}, {kThreads}, 0,
           SelectTallyArguments{candidates.get(), candidate_tiles.get(), counts.get(), 5000, 2, 0});
    expect_equal(expected, counts.download(), "equals");
});

const Case histogram("select_histogram: adds counts to bins", [] {
    with_inputs([](const Inputs& inputs, const std::string& what) {
        for (const int32_t shift : {19, 24, 31, 0}) {
            const int32_t bin_count = shift == 19 ? 4096 : 100;
            const uint32_t low = shift == 19 ? 0 : sorted(inputs.magnitudes)[inputs.magnitudes.size() / 3];
            std::vector<unsigned long long> expected(bin_count, 3);
            const Buffer<unsigned long long> bins(expected);
            for (const unsigned m : inputs.magnitudes) {
                if (m >= low && static_cast<int64_t>(m - low) >> shift < bin_count) {
                    ++expected[(m - low) >> shift];
                }
            }
            launch("interfuse_select_histogram", {blocks(inputs.pair.length, 16384)}, {kThreads}, bin_count * 4,
                   SelectHistogramArguments{inputs.pair, bins.get(), low, shift, bin_count, 16384});
            expect_equal(expected, bins.download(), what + ", bins of 2^" + std::to_string(shift));
        }
    });
});

void expect_compaction(const Inputs& inputs, const Range& range, int64_t room, int index_bytes,
                       const std::string& what) {
    const int64_t chunk_count = blocks(inputs.pair.length, kChunk);
    const size_t tile_count = blocks(inputs.pair.length, kTileLength);
    const Buffer<uint32_t> chunks(static_cast<size_t>(chunk_count));
    const Buffer<int64_t> offsets(static_cast<size_t>(chunk_count) + 1);
    const Buffer<TileCounts> tiles(tile_count, TileCounts{1, 2});
    const unsigned grid = static_cast<unsigned>(chunk_count);
    launch("interfuse_select_count", {grid}, {kThreads}, 0,
           SelectCountArguments{inputs.pair, range, chunks.get(), tiles.get()});
    launch("interfuse_select_scan", {1}, {kScanThreads}, 0,
           SelectScanArguments{chunks.get(), offsets.get(), chunk_count});

    std::vector<TileCounts> expected_tiles(tile_count, TileCounts{1, 2});
    std::vector<uint32_t> expected_bits;
    std::vector<float> expected_values;
    std::vector<int64_t> expected_indices;
    for (int64_t i = 0; i < inputs.pair.length; ++i) {
        const uint32_t m = inputs.magnitudes[i];
        expected_tiles[i / kTileLength].above += m > range.high;
        if (m <= range.high && (m > range.low || (m == range.low && i < range.tie_end))) {
            ++expected_tiles[i / kTileLength].inside;
            expected_bits.push_back(m);
            expected_values.push_back(canonical(inputs.deltas[i]));
            expected_indices.push_back(i);
        }
    }
    expect_equal(expected_tiles, tiles.download(), what + ": the tiles");
    const int64_t total = static_cast<int64_t>(expected_bits.size());
    expect_equal(total, offsets.download()[chunk_count], what + ": the number");

    const Buffer<float> values(static_cast<size_t>(room));
    const Buffer<int64_t> indices(static_cast<size_t>(room));
    const Buffer<uint32_t> bits(static_cast<size_t>(room));
    launch("interfuse_select_write", {grid}, {kThreads}, 0,
           SelectWriteArguments{inputs.pair, range, offsets.get(), values.get(), indices.get(), room, kFloat32,
                                index_bytes});
    launch("interfuse_select_write", {grid}, {kThreads}, 0,
           SelectWriteArguments{inputs.pair, range, offsets.get(), nullptr, bits.get(), room, kFloat32, 4});
    if (total > room) {
        return;
    }

    const auto first = [total](auto list) {
        list.resize(static_cast<size_t>(total));
        return list;
    };
    expect_equal(expected_values, first(values.download()), what + ": the values");
    expect_equal(expected_bits, first(bits.download()), what + ": the bits");
    const std::vector<int64_t> found = indices.download();
    for (int64_t i = 0; i < total; ++i) {
        const int64_t index = index_bytes == 8 ? found[i] : reinterpret_cast<const int32_t*>(found.data())[i];
        expect_equal(expected_indices[i], index, what + ": an index");
    }
}

const Case compaction("select_count, select_scan, select_write: compact in the order of the elements", [] {
    with_inputs([](const Inputs& inputs, const std::string& what) {
        const std::vector<unsigned> order = sorted(inputs.magnitudes);
        const int64_t length = inputs.pair.length;
        const uint32_t middle = order[order.size() / 2];
        expect_compaction(inputs, {length / 3, middle, 0x7FFFFFFFu}, length, 8, what + ", the larger half");
        expect_compaction(inputs, {length, order[order.size() / 4], middle}, length, 4, what + ", a range");
        expect_compaction(inputs, {length, 0, 0x7FFFFFFFu}, length / 2, 4, what + ", too little room");
        expect_compaction(inputs, {length, middle, 0}, length, 8, what + ", nothing");
    });
});

const Case many_chunks("select_scan: more chunks than one step of the block takes", [] {
    std::vector<uint32_t> counts(10001);
    std::vector<int64_t> expected(1);
    Random random(11);
    for (uint32_t& count : counts) {
        count = static_cast<uint32_t>(random.next());
        expected.push_back(expected.back() + count);
    }
    const Buffer<uint32_t> chunks(counts);
    const Buffer<int64_t> offsets(expected.size());
    launch("interfuse_select_scan", {1}, {kScanThreads}, 0,
           SelectScanArguments{chunks.get(), offsets.get(), static_cast<int64_t>(counts.size())});
    expect_equal(expected, offsets.download(), "offsets");
});

const Case locate("select_locate: the place of the n-th equal", [] {
    with_inputs([](const Inputs& inputs, const std::string& what) {
        const uint32_t bits = sorted(inputs.magnitudes)[inputs.magnitudes.size() / 2];
        std::vector<int64_t> places;
        for (size_t i = 0; i < inputs.magnitudes.size(); ++i) {
            if (inputs.magnitudes[i] == bits) {
                places.push_back(static_cast<int64_t>(i));
            }
        }
        for (const int64_t chunk : {int64_t{kChunk}, int64_t{kTileLength}}) {
            std::vector<uint32_t> counts(blocks(inputs.pair.length, chunk));
            for (const int64_t place : places) {
                ++counts[place / chunk];
            }
            const Buffer<uint32_t> chunks(counts);
            const Buffer<int64_t> result(size_t{1});
            for (const size_t rank : {size_t{0}, places.size() / 2, places.size() - 1, places.size()}) {
                launch("interfuse_select_locate", {1}, {kScanThreads}, 0,
                       SelectLocateArguments{inputs.pair, chunks.get(), result.get(),
                                             static_cast<int64_t>(counts.size()), static_cast<int64_t>(rank), chunk,
                                             bits, 0});
                expect_equal(rank < places.size() ? places[rank] : -1, result.download()[0], what + ": the place");
            }
        }
    });
});

}  // namespace
