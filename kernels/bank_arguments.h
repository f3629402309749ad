// The arguments of the kernels on sparse and masked banks, which the host fills in: C# by mirrored structs, the native
// tests by these.
#pragma once

#include <stdint.h>

namespace interfuse {

// Requests of one launch of a batch of rows, members of one of products, and the warps that do these.
constexpr int kBankRequests = 448;
constexpr int kBankBatch = 64;
constexpr int kBankWarps = 4;
// Rows that a warp multiplies at once: of a masked bank, and of a sparse one.
constexpr int kMaskedChannels = 2;
constexpr int kSparseChannels = 1;

// A dense matrix, and the values of expert e's row i put at their places: those from starts[e * channels + i] on.
struct SparseSource {
    const void* dense;
    const int32_t* starts;
    const void* places;
    const void* values;
    int64_t channels;
    int64_t columns;
    // Whether places are int32_t, and not uint16_t.
    int32_t wide_places;
    // The elements' type where they are computed with, their size in bytes where they are copied.
    int32_t element;
};
static_assert(sizeof(SparseSource) == 56, "Mirrored by SparseSource in C#.");

// base + scale * unified where the mask of expert e has a bit, else base.
struct MaskedSource {
    const void* base;
    const void* unified;
    const uint32_t* mask;
    const float* scales;
    int64_t channels;
    int64_t columns;
    int64_t words_per_row;
    int32_t dtype;
    // Whether every row begins at a multiple of 16 bytes and of 8 elements, and what is read or written with it too.
    int32_t aligned;
};
static_assert(sizeof(MaskedSource) == 64, "Mirrored by MaskedSource in C#.");

// Which rows are made, a row's place being expert * channels + row, and ~row where it is the shared matrix's: those that
// follow one another from a first one on, or those that a batch asks for.
struct RowRange {
    void* destination;
    int64_t first_place;
    int64_t count;
};
static_assert(sizeof(RowRange) == 24, "Mirrored by RowRange in C#.");

struct RowBatch {
    void* destination;
    int64_t count;
    int64_t places[kBankRequests];
};
static_assert(sizeof(RowBatch) == 3600, "Mirrored by RowBatch in C#.");

// Vectors and their experts, those of one expert side by side, and which of the batch each is.
struct ProductBatch {
    const void* x;
    float* y;
    int32_t x_dtype;
    int32_t batch;
    // Whether every row and every vector begins at a multiple of 16 bytes and of 8 elements.
    int32_t aligned;
    int32_t reserved;
    int32_t experts[kBankBatch];
    int32_t members[kBankBatch];
};
static_assert(sizeof(ProductBatch) == 544, "Mirrored by ProductBatch in C#.");

struct SparseRowsArguments {
    SparseSource source;
    RowRange rows;
};

struct SparseBatchArguments {
    SparseSource source;
    RowBatch rows;
};

struct SparseMultiplyArguments {
    SparseSource source;
    ProductBatch products;
};

struct MaskedRowsArguments {
    MaskedSource source;
    RowRange rows;
};

struct MaskedBatchArguments {
    MaskedSource source;
    RowBatch rows;
};

struct MaskedMultiplyArguments {
    MaskedSource source;
    ProductBatch products;
};

}  // namespace interfuse
