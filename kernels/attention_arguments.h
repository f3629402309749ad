// The arguments of attention and of what stores keys and values, which the host fills in: C# by mirrored structs, the
// native tests by these.
#pragma once

#include <stdint.h>

namespace interfuse {

// The positions of a page, which are also the threads of a block that attends to one.
constexpr int kPagePositions = 128;

// Tokens and elements of a head that a block stores.
constexpr int kStoreTile = 32;
constexpr int kStoreThreads = 256;

// The pages of keys and values, [heads, head_length, 128] and [heads, 128, head_length] each, and where tokens stand.
struct TokenPages {
    float* pages;
    const int32_t* sequences;
    const int32_t* positions;
    // [S, pages_per_sequence]
    const int32_t* table;
    int64_t pages_per_sequence;
    int32_t heads;
    int32_t head_length;
};
static_assert(sizeof(TokenPages) == 48, "Mirrored by TokenPagesArguments in C#.");

struct StoreKeyValuesArguments {
    TokenPages at;
    const float* keys;
    const float* values;
    int64_t tokens;
};
static_assert(sizeof(StoreKeyValuesArguments) == 72, "Mirrored by StoreKeyValuesArguments in C#.");

// A unit is a token, a key-value head and as many of its query heads as a kernel takes at once.
struct AttentionArguments {
    TokenPages at;
    const float* queries;
    float* result;
    // Where pages are done by blocks of their own, for each page of a unit: [128, queries] scores, [queries] greatest
    // ones, [queries] sums of exponentials and [queries, head_length] sums of values.
    float* scores;
    float* greatest;
    float* totals;
    float* sums;
    // Query heads of a key-value head.
    int32_t group;
    int32_t window;
    float scale;
    // The pages whose scores a block keeps, or that a unit has at the most where blocks do a page each.
    int32_t pages;
};
static_assert(sizeof(AttentionArguments) == 112, "Mirrored by AttentionArguments in C#.");

}  // namespace interfuse
