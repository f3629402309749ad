// Rows of a masked bank, and their products with vectors. Elements are combined in registers as they are loaded: eight
// of the base, eight of the task vector, and a byte of the mask.
#include "product_batch.cuh"

namespace interfuse {

// Columns that a thread makes: those of a byte of the mask.
constexpr int kMaskedStep = 8;

// The mask's bits for eight columns from one on, a multiple of eight; `place` is expert * channels + row.
static __device__ __forceinline__ uint32_t mask_byte(const MaskedSource& a, int64_t place, int64_t column) {
    return reinterpret_cast<const uint8_t*>(a.mask + place * a.words_per_row)[column / 8];
}

// Two roundings.
static __device__ __forceinline__ float masked_sum(float base, float unified, float scale) {
    return __fadd_rn(base, __fmul_rn(scale, unified));
}

// Elements as they would be stored: the sums rounded to the type where a bit is set. Not even a NaN's payload of the
// others matters to products.
static __device__ __forceinline__ void combine_masked(
    const float (&base)[8], const float (&unified)[8], uint32_t bits, float scale, int32_t dtype, float (&w)[8]) {
    float sums[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        sums[k] = masked_sum(base[k], unified[k], scale);
    }
    if (is_16_bit(dtype)) {
        const bool is_bfloat16 = dtype == kBFloat16;
#pragma unroll
        for (int k = 0; k < 8; k += 2) {
            widen_pair(round_pair(sums[k], sums[k + 1], is_bfloat16), is_bfloat16, sums[k], sums[k + 1]);
        }
    }
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        w[k] = (bits >> k & 1u) != 0 ? sums[k] : base[k];
    }
}

// Eight elements as they lie in memory: 16 bytes of a 16-bit type, 32 of float32, 64 of float64.
template <int Parts>
struct StoredEight {
    Words<4> part[Parts];

    __device__ __forceinline__ void load(const void* origin, int64_t index) {
#pragma unroll
        for (int p = 0; p < Parts; ++p) {
            part[p] = load_words<4>(origin, index / 8 * Parts + p);
        }
    }

    __device__ __forceinline__ void store(void* origin, int64_t index) const {
#pragma unroll
        for (int p = 0; p < Parts; ++p) {
            store_words<4>(origin, index / 8 * Parts + p, part[p]);
        }
    }

    // The bits of a word that belong to elements whose bit is set.
    static __device__ __forceinline__ uint32_t word_mask(int word, uint32_t bits) {
        if (Parts == 1) {
            return ((bits >> 2 * word & 1u) != 0 ? 0x0000FFFFu : 0u) |
                   ((bits >> (2 * word + 1) & 1u) != 0 ? 0xFFFF0000u : 0u);
        }
        return (bits >> (Parts == 2 ? word : word / 2) & 1u) != 0 ? 0xFFFFFFFFu : 0u;
    }

    __device__ __forceinline__ void take(const StoredEight& other, uint32_t bits) {
#pragma unroll
        for (int word = 0; word < 4 * Parts; ++word) {
            const uint32_t mask = word_mask(word, bits);
            uint32_t& own = part[word / 4].word[word % 4];
            own = (own & ~mask) | (other.part[word / 4].word[word % 4] & mask);
        }
    }
};

template <int Parts>
static __device__ __forceinline__ void make_masked_step(
    const MaskedSource& a, int64_t row, int64_t column, uint32_t bits, float scale, void* destination, int64_t to) {
    const int64_t from = row * a.columns + column;
    StoredEight<Parts> stored;
    stored.load(a.base, from);
    float base[8];
    float unified[8];
    load_elements<8>(a.base, a.dtype, from, base);
    load_elements<8>(a.unified, a.dtype, from, unified);
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        base[k] = masked_sum(base[k], unified[k], scale);
    }
    StoredEight<Parts> sums;
    store_elements<8>(sums.part, a.dtype, 0, base);
    stored.take(sums, bits);
    stored.store(destination, to);
}

static __device__ __forceinline__ void copy_element(
    const void* from, int64_t source, int32_t dtype, void* to, int64_t destination) {
    if (is_16_bit(dtype)) {
        static_cast<uint16_t*>(to)[destination] = static_cast<const uint16_t*>(from)[source];
    } else if (dtype == kFloat32) {
        static_cast<uint32_t*>(to)[destination] = static_cast<const uint32_t*>(from)[source];
    } else {
        static_cast<uint64_t*>(to)[destination] = static_cast<const uint64_t*>(from)[source];
    }
}

// Eight columns of a row, or as many as there are.
static __device__ __forceinline__ void make_masked_columns(
    const MaskedSource& a, int64_t place, int64_t request, int64_t column, void* destination) {
    const int64_t row = place % a.channels;
    const float scale = a.scales[place / a.channels];
    const uint32_t bits = mask_byte(a, place, column);
    const int64_t to = request * a.columns + column;
    if (a.aligned != 0) {
        if (is_16_bit(a.dtype)) {
            make_masked_step<1>(a, row, column, bits, scale, destination, to);
        } else if (a.dtype == kFloat32) {
            make_masked_step<2>(a, row, column, bits, scale, destination, to);
        } else {
            make_masked_step<4>(a, row, column, bits, scale, destination, to);
        }
        return;
    }
    const int64_t from = row * a.columns + column;
#pragma unroll 1
    for (int k = 0; k < kMaskedStep && column + k < a.columns; ++k) {
        if ((bits >> k & 1u) != 0) {
            const float base = load_element(a.base, a.dtype, from + k);
            const float unified = load_element(a.unified, a.dtype, from + k);
            store_element(destination, a.dtype, to + k, masked_sum(base, unified, scale));
        } else {
            copy_element(a.base, from + k, a.dtype, destination, to + k);
        }
    }
}

// Which rows a warp multiplies, and what belongs to its members' experts.
template <int Members>
struct MaskedTile : ProductTile<Members, kMaskedChannels> {
    using Tile = ProductTile<Members, kMaskedChannels>;

    int64_t rows[kMaskedChannels];
    int64_t places[kMaskedChannels][Members];
    float scales[Members];

    __device__ __forceinline__ explicit MaskedTile(const MaskedMultiplyArguments& a)
        : Tile(a.products, a.source.columns) {
#pragma unroll
        for (int c = 0; c < kMaskedChannels; ++c) {
            // Channels beyond the last are done as the last, and not stored.
            rows[c] = Tile::channel + c < a.source.channels ? Tile::channel + c : a.source.channels - 1;
#pragma unroll
            for (int b = 0; b < Members; ++b) {
                places[c][b] = Tile::experts[b] * a.source.channels + rows[c];
            }
        }
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            scales[b] = a.source.scales[Tile::experts[b]];
        }
    }
};

// Loads `Steps` steps of 256 elements of the base and the task vector, then combines and multiplies them.
template <int Members, int Steps, int Parts>
static __device__ __forceinline__ void multiply_masked_steps(
    const MaskedMultiplyArguments& a, const MaskedTile<Members>& tile, int64_t column,
    float (&sums)[kMaskedChannels][Members][8]) {
    const MaskedSource& source = a.source;
    RawEight<Parts> base[Steps][kMaskedChannels];
    RawEight<Parts> unified[Steps][kMaskedChannels];
    uint32_t bits[Steps][kMaskedChannels][Members];
#pragma unroll
    for (int step = 0; step < Steps; ++step) {
#pragma unroll
        for (int c = 0; c < kMaskedChannels; ++c) {
            const int64_t from = tile.rows[c] * source.columns + column + step * kFusedLanes;
            base[step][c].load(source.base, from);
            unified[step][c].load(source.unified, from);
#pragma unroll
            for (int b = 0; b < Members; ++b) {
                bits[step][c][b] =
                    tile.is_repeated(b) ? 0u : mask_byte(source, tile.places[c][b], column + step * kFusedLanes);
            }
        }
    }
#pragma unroll
    for (int step = 0; step < Steps; ++step) {
        float w[kMaskedChannels][8];
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            if (!tile.is_repeated(b)) {
#pragma unroll
                for (int c = 0; c < kMaskedChannels; ++c) {
                    float stored[8];
                    float added[8];
                    base[step][c].widen(source.dtype, stored);
                    unified[step][c].widen(source.dtype, added);
                    combine_masked(stored, added, bits[step][c][b], tile.scales[b], source.dtype, w[c]);
                }
            }
            float x[8];
            load_elements<8>(a.products.x, a.products.x_dtype, tile.starts[b] + column + step * kFusedLanes, x);
#pragma unroll
            for (int c = 0; c < kMaskedChannels; ++c) {
                add_products(w[c], x, sums[c][b]);
            }
        }
    }
}

// Any type, any alignment: one element at a time.
template <int Members>
static __device__ __forceinline__ void multiply_masked_elements(
    const MaskedMultiplyArguments& a, const MaskedTile<Members>& tile, int64_t column,
    float (&sums)[kMaskedChannels][Members][8]) {
    const MaskedSource& source = a.source;
#pragma unroll
    for (int c = 0; c < kMaskedChannels; ++c) {
        float base[8];
        float unified[8];
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            const int64_t from = tile.rows[c] * source.columns + column + k;
            base[k] = column + k < source.columns ? load_element(source.base, source.dtype, from) : 0.0f;
            unified[k] = column + k < source.columns ? load_element(source.unified, source.dtype, from) : 0.0f;
        }
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            float w[8];
            float x[8];
            combine_masked(
                base, unified, mask_byte(source, tile.places[c][b], column), tile.scales[b], source.dtype, w);
            load_vector<false>(a.products, tile.starts[b], column, source.columns, x);
            add_own_products<false>(w, x, column, source.columns, sums[c][b]);
        }
    }
}

template <int Members, int Steps, int Parts>
static __device__ __forceinline__ void multiply_masked_rows(
    const MaskedMultiplyArguments& a, const MaskedTile<Members>& tile, float (&sums)[kMaskedChannels][Members][8]) {
    int64_t column = threadIdx.x % 32 * 8;
    for (; column + (Steps - 1) * kFusedLanes < a.source.columns; column += Steps * kFusedLanes) {
        multiply_masked_steps<Members, Steps, Parts>(a, tile, column, sums);
    }
    for (; column < a.source.columns; column += kFusedLanes) {
        multiply_masked_steps<Members, 1, Parts>(a, tile, column, sums);
    }
}

template <int Members, int Steps>
static __device__ __forceinline__ void multiply_masked(const MaskedMultiplyArguments& a) {
    const MaskedTile<Members> tile(a);
    if (tile.channel >= a.source.channels || tile.member >= a.products.batch) {
        return;
    }

    float sums[kMaskedChannels][Members][8];
#pragma unroll
    for (int c = 0; c < kMaskedChannels; ++c) {
#pragma unroll
        for (int b = 0; b < Members; ++b) {
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                sums[c][b][k] = 0.0f;
            }
        }
    }
    if (a.products.aligned != 0 && is_16_bit(a.source.dtype)) {
        multiply_masked_rows<Members, Steps, 1>(a, tile, sums);
    } else if (a.products.aligned != 0 && a.source.dtype == kFloat32) {
        multiply_masked_rows<Members, (Steps + 1) / 2, 2>(a, tile, sums);
    } else {
        for (int64_t column = threadIdx.x % 32 * 8; column < a.source.columns; column += kFusedLanes) {
            multiply_masked_elements<Members>(a, tile, column, sums);
        }
    }
    __syncwarp();
    tile.store(a.products, a.source.channels, sums);
}

static __device__ __forceinline__ int64_t masked_steps(const MaskedSource& a) {
    return (a.columns + kMaskedStep - 1) / kMaskedStep;
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(256) interfuse_masked_rows(const interfuse::MaskedRowsArguments a) {
    const int64_t steps = interfuse::masked_steps(a.source);
    const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t request = thread / steps;
    if (request < a.rows.count) {
        interfuse::make_masked_columns(
            a.source, a.rows.first_place + request, request, thread % steps * interfuse::kMaskedStep, a.rows.destination);
    }
}
INTERFUSE_KERNEL(interfuse_masked_rows)

extern "C" __global__ void __launch_bounds__(256) interfuse_masked_batch(const interfuse::MaskedBatchArguments a) {
    const int64_t steps = interfuse::masked_steps(a.source);
    const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64_t request = thread / steps;
    if (request < a.rows.count) {
        interfuse::make_masked_columns(
            a.source, a.rows.places[request], request, thread % steps * interfuse::kMaskedStep, a.rows.destination);
    }
}
INTERFUSE_KERNEL(interfuse_masked_batch)

extern "C" __global__ void __launch_bounds__(128) interfuse_masked_multiply_1(
    const interfuse::MaskedMultiplyArguments a) {
    interfuse::multiply_masked<1, 2>(a);
}
INTERFUSE_KERNEL(interfuse_masked_multiply_1)

extern "C" __global__ void __launch_bounds__(128) interfuse_masked_multiply_2(
    const interfuse::MaskedMultiplyArguments a) {
    interfuse::multiply_masked<2, 1>(a);
}
INTERFUSE_KERNEL(interfuse_masked_multiply_2)

extern "C" __global__ void __launch_bounds__(128) interfuse_masked_multiply_4(
    const interfuse::MaskedMultiplyArguments a) {
    interfuse::multiply_masked<4, 1>(a);
}
INTERFUSE_KERNEL(interfuse_masked_multiply_4)
