// y[b, i] = W[index[e_b, i]] x_b without writing W out. A warp multiplies the rows of a few channels by the vectors of
// a few
// members of the batch; each row's elements are loaded once for all members that share it, several loads are under way
// before the first is used. 256 lanes of the sum: thread t of the warp keeps lanes 8t to 8t + 7.
#include "fused_product.cuh"
#include "gather_multiply_arguments.h"

namespace interfuse {

// Which rows a warp multiplies by which vectors. Members and channels beyond the last are done as the last, and not
// stored.
template <int Members, int Channels>
struct MultiplyTile {
    int64_t channel;
    int32_t member;
    const char* rows[Channels][Members];
    // Bit b: member b has the same row as the member before it.
    uint32_t shared[Channels];

    __device__ __forceinline__ MultiplyTile(
        const GatherMultiplyArguments& a, int64_t channel, int32_t member, int64_t row_bytes)
        : channel(channel), member(member) {
        int32_t row[Channels][Members];
#pragma unroll
        for (int c = 0; c < Channels; ++c) {
            const int64_t own = channel + c < a.channels ? channel + c : a.channels - 1;
#pragma unroll
            for (int b = 0; b < Members; ++b) {
                row[c][b] = a.index[a.experts[clamp_member(a, b)] * a.channels + own];
            }
        }
#pragma unroll
        for (int c = 0; c < Channels; ++c) {
            shared[c] = 0;
#pragma unroll
            for (int b = 0; b < Members; ++b) {
                rows[c][b] = static_cast<const char*>(a.rows) + row[c][b] * row_bytes;
                if (b > 0 && row[c][b] == row[c][b - 1]) {
                    shared[c] |= 1u << b;
                }
            }
        }
    }

    __device__ __forceinline__ int32_t clamp_member(const GatherMultiplyArguments& a, int b) const {
        return member + b < a.batch ? member + b : a.batch - 1;
    }

    __device__ __forceinline__ bool is_shared(int c, int b) const { return (shared[c] >> b & 1u) != 0; }
};

// Loads the rows of `Steps` steps of 256 elements, then multiplies them.
template <int Members, int Channels, int Steps, int Parts>
static __device__ __forceinline__ void multiply_steps(
    const GatherMultiplyArguments& a, const MultiplyTile<Members, Channels>& tile, const int64_t (&starts)[Members],
    int64_t column, float (&sums)[Channels][Members][8]) {
    RawEight<Parts> raw[Steps][Channels][Members];
#pragma unroll
    for (int step = 0; step < Steps; ++step) {
#pragma unroll
        for (int c = 0; c < Channels; ++c) {
#pragma unroll
            for (int b = 0; b < Members; ++b) {
                if (!tile.is_shared(c, b)) {
                    raw[step][c][b].load(tile.rows[c][b], column + step * kFusedLanes);
                }
            }
        }
    }
#pragma unroll
    for (int step = 0; step < Steps; ++step) {
        float w[Channels][8];
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            float x[8];
            load_elements<8>(a.x, a.x_dtype, starts[b] + column + step * kFusedLanes, x);
#pragma unroll
            for (int c = 0; c < Channels; ++c) {
                if (!tile.is_shared(c, b)) {
                    raw[step][c][b].widen(a.rows_dtype, w[c]);
                }
                add_products(w[c], x, sums[c][b]);
            }
        }
    }
}

// Any type, any alignment: one element at a time.
template <int Members, int Channels>
static __device__ __forceinline__ void multiply_elements(
    const GatherMultiplyArguments& a, const MultiplyTile<Members, Channels>& tile, const int64_t (&starts)[Members],
    int64_t column, float (&sums)[Channels][Members][8]) {
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        if (column + k < a.columns) {
#pragma unroll
            for (int c = 0; c < Channels; ++c) {
#pragma unroll
                for (int b = 0; b < Members; ++b) {
                    const float w = load_element(tile.rows[c][b], a.rows_dtype, column + k);
                    const float x = load_element(a.x, a.x_dtype, starts[b] + column + k);
                    sums[c][b][k] = __fmaf_rn(w, x, sums[c][b][k]);
                }
            }
        }
    }
}

template <int Members, int Channels>
static __device__ __forceinline__ void store_products(
    const GatherMultiplyArguments& a, const MultiplyTile<Members, Channels>& tile,
    const float (&sums)[Channels][Members][8]) {
#pragma unroll
    for (int c = 0; c < Channels; ++c) {
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            const float sum = fold_lanes(sums[c][b]);
            if (threadIdx.x % 32 == 0 && tile.channel + c < a.channels && tile.member + b < a.batch) {
                a.y[(tile.member + b) * a.channels + tile.channel + c] = canonical_float32(sum);
            }
        }
    }
}

template <int Members, int Channels, int Steps, int Parts>
static __device__ __forceinline__ void multiply_rows(
    const GatherMultiplyArguments& a, const MultiplyTile<Members, Channels>& tile, const int64_t (&starts)[Members],
    float (&sums)[Channels][Members][8]) {
    int64_t column = threadIdx.x % 32 * 8;
    if (Parts == 0) {
        for (; column < a.columns; column += kFusedLanes) {
            multiply_elements<Members, Channels>(a, tile, starts, column, sums);
        }
        return;
    }
    constexpr int kParts = Parts == 0 ? 1 : Parts;
    for (; column + (Steps - 1) * kFusedLanes < a.columns; column += Steps * kFusedLanes) {
        multiply_steps<Members, Channels, Steps, kParts>(a, tile, starts, column, sums);
    }
    for (; column < a.columns; column += kFusedLanes) {
        multiply_steps<Members, Channels, 1, kParts>(a, tile, starts, column, sums);
    }
}

// The members of a batch are done `Members` at a time. Two warps that do the same channels for different members stand
// in
// one thread block, and blocks that do so follow one another, so that a row comes from memory once.
template <int Members, int Channels, int Steps>
static __device__ __forceinline__ void gather_multiply(const GatherMultiplyArguments& a) {
    const int32_t member_groups = (a.batch + Members - 1) / Members;
    const int32_t side_by_side = member_groups < 2 ? 1 : 2;
    const int32_t turns = (member_groups + side_by_side - 1) / side_by_side;
    const int32_t warp = threadIdx.x / 32;
    const int32_t member = (blockIdx.x % turns * side_by_side + warp % side_by_side) * Members;
    const int64_t channel =
        (static_cast<int64_t>(blockIdx.x / turns) * (kMultiplyWarps / side_by_side) + warp / side_by_side) * Channels;
    if (channel >= a.channels || member >= a.batch) {
        return;
    }

    const int64_t size = is_16_bit(a.rows_dtype) ? 2 : a.rows_dtype == kFloat32 ? 4 : 8;
    const MultiplyTile<Members, Channels> tile(a, channel, member, a.columns * size);
    int64_t starts[Members];
#pragma unroll
    for (int b = 0; b < Members; ++b) {
        starts[b] = tile.clamp_member(a, b) * a.columns;
    }
    float sums[Channels][Members][8];
#pragma unroll
    for (int c = 0; c < Channels; ++c) {
#pragma unroll
        for (int b = 0; b < Members; ++b) {
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                sums[c][b][k] = 0.0f;
            }
        }
    }
    if (a.aligned != 0 && is_16_bit(a.rows_dtype)) {
        multiply_rows<Members, Channels, Steps, 1>(a, tile, starts, sums);
    } else if (a.aligned != 0 && a.rows_dtype == kFloat32) {
        multiply_rows<Members, Channels, (Steps + 1) / 2, 2>(a, tile, starts, sums);
    } else {
        multiply_rows<Members, Channels, 1, 0>(a, tile, starts, sums);
    }
    __syncwarp();
    store_products<Members, Channels>(a, tile, sums);
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(128) interfuse_gather_multiply_1(
    const interfuse::GatherMultiplyArguments a) {
    interfuse::gather_multiply<1, interfuse::kMultiplyChannels, 4>(a);
}
INTERFUSE_KERNEL(interfuse_gather_multiply_1)

extern "C" __global__ void __launch_bounds__(128) interfuse_gather_multiply_2(
    const interfuse::GatherMultiplyArguments a) {
    interfuse::gather_multiply<2, interfuse::kMultiplyChannels, 2>(a);
}
INTERFUSE_KERNEL(interfuse_gather_multiply_2)

extern "C" __global__ void __launch_bounds__(128) interfuse_gather_multiply_4(
    const interfuse::GatherMultiplyArguments a) {
    interfuse::gather_multiply<4, interfuse::kMultiplyChannels, 1>(a);
}
INTERFUSE_KERNEL(interfuse_gather_multiply_4)
