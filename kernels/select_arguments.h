// The arguments of the selection kernels, which the host fills in: C# by mirrored structs, the native tests by these.
#pragma once

#include <stdint.h>

namespace interfuse::selection {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kGroup = 8;  // consecutive elements that a thread takes at once
constexpr int kStep = kThreads * kGroup;
constexpr int kTileLength = 65536;  // TileGrid.TileLength
constexpr int kDigitBins = 2048;
constexpr int kScanThreads = 1024;
constexpr int kChunk = 4 * kStep;  // what a block of a compaction takes

/// A base and an expert of the same length, each of any float type.
struct Pair {
    const void* base;
    const void* expert;
    int64_t length;
    int32_t base_dtype;
    int32_t expert_dtype;
};
static_assert(sizeof(Pair) == 32, "Mirrored by SelectionPair in C#.");

/// Two searches for the value at a rank, and what the sweep between their results counted.
struct State {
    unsigned long long rank[2];   // counted from the largest, 1 the first; 0: the value is known
    unsigned long long equal[2];  // how many of the values searched equal the result
    unsigned value[2];            // the lower end of where the result may lie, at last the result
    unsigned long long above;     // elements above value[1]
    unsigned long long at_high;   // equal to value[1]
    unsigned long long inside;    // between the two
    unsigned long long at_low;    // equal to value[0]; none where the two values are one
};
static_assert(sizeof(State) == 72, "Mirrored by SelectionState in C#.");

struct SelectSampleArguments {
    Pair pair;
    unsigned* sample;
    int64_t groups;
};
static_assert(sizeof(SelectSampleArguments) == 48, "Mirrored by SelectSampleArguments in C#.");

struct SelectDigitsArguments {
    const unsigned* values;
    const State* state;
    unsigned* bins;
    int64_t count;
    int32_t shift;
    int32_t bin_count;
};
static_assert(sizeof(SelectDigitsArguments) == 40, "Mirrored by SelectDigitsArguments in C#.");

struct SelectPickArguments {
    State* state;
    unsigned* bins;
    int32_t shift;
    int32_t reserved;
};
static_assert(sizeof(SelectPickArguments) == 24, "Mirrored by SelectPickArguments in C#.");

struct SelectSweepArguments {
    Pair pair;
    State* state;
    unsigned* candidates;
    unsigned* candidate_tiles;
    unsigned* tiles_at_low;
    unsigned* tiles_at_high;
    int64_t room;
    int32_t chunk;
    int32_t reserved;
};
static_assert(sizeof(SelectSweepArguments) == 88, "Mirrored by SelectSweepArguments in C#.");

struct SelectTallyArguments {
    const unsigned* candidates;
    const unsigned* candidate_tiles;
    unsigned* tiles;
    int64_t count;
    unsigned bits;
    int32_t reserved;
};
static_assert(sizeof(SelectTallyArguments) == 40, "Mirrored by SelectTallyArguments in C#.");

/// Magnitudes from `low` to `high`; from the element `tie_end` on those of exactly `low` are left out.
struct Range {
    int64_t tie_end;
    uint32_t low;
    uint32_t high;
};
static_assert(sizeof(Range) == 16, "Mirrored by SelectionRange in C#.");

struct TileCounts {
    int32_t above;
    int32_t inside;
};
static_assert(sizeof(TileCounts) == 8, "Mirrored by TileCount in C#.");

struct SelectCountArguments {
    Pair pair;
    Range range;
    uint32_t* chunks;   // a count per chunk
    TileCounts* tiles;  // null: not wanted
};
static_assert(sizeof(SelectCountArguments) == 64, "Mirrored by SelectCountArguments in C#.");

struct SelectScanArguments {
    const uint32_t* chunks;
    int64_t* offsets;  // one more than there are chunks
    int64_t count;
};
static_assert(sizeof(SelectScanArguments) == 24, "Mirrored by SelectScanArguments in C#.");

struct SelectWriteArguments {
    Pair pair;
    Range range;
    const int64_t* offsets;
    void* values;  // deltas, or null for magnitude bits only
    void* indices;  // or magnitude bits
    int64_t room;
    int32_t value_dtype;
    int32_t index_bytes;
};
static_assert(sizeof(SelectWriteArguments) == 88, "Mirrored by SelectWriteArguments in C#.");

struct SelectLocateArguments {
    Pair pair;
    const uint32_t* chunks;
    int64_t* result;
    int64_t count;
    int64_t rank;
    int64_t chunk_length;
    uint32_t bits;
    int32_t reserved;
};
static_assert(sizeof(SelectLocateArguments) == 80, "Mirrored by SelectLocateArguments in C#.");

struct SelectHistogramArguments {
    Pair pair;
    unsigned long long* bins;
    uint32_t low;
    int32_t shift;
    int32_t bin_count;
    int32_t chunk;
};
static_assert(sizeof(SelectHistogramArguments) == 56, "Mirrored by SelectHistogramArguments in C#.");

}  // namespace interfuse::selection
