// The Gram matrix of a channel's task vectors, by a block of one to four warps.
#pragma once

#include "cluster.cuh"

namespace interfuse {

// The canonical order of a sum over a row (Dot in C#): 16 lanes within a block of 1024 elements. A half-warp does a
// block,
// a lane a lane, after the half-warp's 16-byte loads have been turned round in shared memory, 128 elements at a time.
constexpr int kGramBlock = 1024;
constexpr int kGramChunk = 128;

// What a warp keeps of Rows rows: a chunk of two blocks, 16 floats apart from being in the same banks.
template <int Rows>
struct alignas(16) GramStage {
    float values[2][Rows * kGramChunk + 16];
};

static_assert(sizeof(GramStage<4>) == kClusterStageBytes4 && sizeof(GramStage<8>) == kClusterStageBytes8);

// The pairs of some rows with each other (Others == 0), or with as many other, lower rows.
template <int Rows, int Others>
struct GramTile {
    static constexpr int kStaged = Rows + Others;
    static constexpr int kPairs = Others == 0 ? Rows * (Rows + 1) / 2 : Rows * Others;

    int first;
    int first_other;

    __device__ __forceinline__ int expert(int row) const {
        return row < Rows ? first + row : first_other + row - Rows;
    }
};

static __device__ __forceinline__ int triangle(int row) {
    return row * (row + 1) / 2;
}

// A product of two float32 values is exact in float64, so fusing it with the addition changes nothing.
static __device__ __forceinline__ double add_product(double sum, double left, double right) {
#if defined(__CUDA_ARCH__)
    return __fma_rn(left, right, sum);
#else
    return sum + left * right;
#endif
}

// Puts a chunk's deltas of the tile's rows into shared memory.
template <int Rows, int Others>
static __device__ __forceinline__ void stage_deltas(
    const ExpertMatrices& m, const GramTile<Rows, Others>& tile, int64_t index, int64_t available,
    const Packed<8> (&packed)[Rows + Others + 1], float* stage) {
    float base[8];
    base_reader(m).take(index, available, m.aligned, packed[Rows + Others], base);
#pragma unroll
    for (int row = 0; row < Rows + Others; ++row) {
        float delta[8];
        const int expert = tile.expert(row);
        if (expert < m.expert_count) {
            expert_reader(m, expert).take(index, available, m.aligned, packed[row], delta);
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                delta[k] -= base[k];
            }
        } else {
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                delta[k] = 0.0f;
            }
        }
        float4* place = reinterpret_cast<float4*>(stage + row * kGramChunk);
        place[0] = make_float4(delta[0], delta[1], delta[2], delta[3]);
        place[1] = make_float4(delta[4], delta[5], delta[6], delta[7]);
    }
}

template <int Rows, int Others>
static __device__ __forceinline__ void fetch_chunk(
    const ExpertMatrices& m, const GramTile<Rows, Others>& tile, int64_t index, int64_t available,
    Packed<8> (&packed)[Rows + Others + 1]) {
    base_reader(m).fetch(index, available, packed[Rows + Others]);
#pragma unroll
    for (int row = 0; row < Rows + Others; ++row) {
        const int expert = tile.expert(row);
        if (expert < m.expert_count) {
            expert_reader(m, expert).fetch(index, available, packed[row]);
        }
    }
}

// One warp sums the tile's pairs over two blocks of the channel, `block` and the next, into sums[0] and sums[stride].
template <int Rows, int Others>
static __device__ void gram_of_two_blocks(
    const ExpertMatrices& m, const GramTile<Rows, Others>& tile, int64_t row_start, int64_t block,
    GramStage<Rows + Others>& stage, double* sums, int stride) {
    const int lane = threadIdx.x % 32;
    const int half = lane / 16;
    const int place = lane % 16;
    float* staged = stage.values[half];
    const int64_t first = (block + half) * kGramBlock + place * 8;
    const int64_t in_block = m.columns - block * kGramBlock;
    const int chunks = static_cast<int>(((in_block < kGramBlock ? in_block : kGramBlock) + kGramChunk - 1) / kGramChunk);

    double sum[GramTile<Rows, Others>::kPairs];
#pragma unroll
    for (int pair = 0; pair < GramTile<Rows, Others>::kPairs; ++pair) {
        sum[pair] = 0.0;
    }

    Packed<8> packed[Rows + Others + 1];
    fetch_chunk(m, tile, row_start + first, m.columns - first, packed);
    for (int chunk = 0; chunk < chunks; ++chunk) {
        const int64_t column = first + chunk * kGramChunk;
        stage_deltas(m, tile, row_start + column, m.columns - column, packed, staged + place * 8);
        if (chunk + 1 < chunks) {
            const int64_t next = column + kGramChunk;
            fetch_chunk(m, tile, row_start + next, m.columns - next, packed);
        }
        __syncwarp();
#pragma unroll 1
        for (int step = 0; step < kGramChunk / 16; ++step) {
            double delta[Rows + Others];
#pragma unroll
            for (int row = 0; row < Rows + Others; ++row) {
                delta[row] = static_cast<double>(staged[row * kGramChunk + step * 16 + place]);
            }
            int pair = 0;
#pragma unroll
            for (int row = 0; row < Rows; ++row) {
#pragma unroll
                for (int other = 0; other < (Others == 0 ? row + 1 : Others); ++other) {
                    sum[pair] = add_product(sum[pair], delta[row], delta[Others == 0 ? other : Rows + other]);
                    ++pair;
                }
            }
        }
        __syncwarp();
    }

    int pair = 0;
#pragma unroll
    for (int row = 0; row < Rows; ++row) {
#pragma unroll
        for (int other = 0; other < (Others == 0 ? row + 1 : Others); ++other) {
            double total = sum[pair];
#pragma unroll
            for (int distance = 8; distance > 0; distance /= 2) {
                total += __shfl_xor_sync(kFullWarp, total, distance);
            }
            const int e = tile.first + row;
            const int f = Others == 0 ? tile.first + other : tile.first_other + other;
            if (place == 0 && e < m.expert_count) {
                sums[half * stride + triangle(e) + f] = total;
            }
            ++pair;
        }
    }
}

// What one warp does of two blocks, and how many warps share them.
template <int Capacity>
struct GramShare;

template <>
struct GramShare<4> {
    static constexpr int kWarps = 1;
    using Stage = GramStage<4>;

    static __device__ __forceinline__ void sum(
        const ExpertMatrices& m, int, int64_t row_start, int64_t block, Stage& stage, double* sums, int stride) {
        gram_of_two_blocks(m, GramTile<4, 0>{0, 0}, row_start, block, stage, sums, stride);
    }
};

template <>
struct GramShare<8> {
    static constexpr int kWarps = 1;
    using Stage = GramStage<8>;

    static __device__ __forceinline__ void sum(
        const ExpertMatrices& m, int, int64_t row_start, int64_t block, Stage& stage, double* sums, int stride) {
        gram_of_two_blocks(m, GramTile<8, 0>{0, 0}, row_start, block, stage, sums, stride);
    }
};

// 136 pairs are too many for one thread's registers.
template <>
struct GramShare<16> {
    static constexpr int kWarps = 4;
    using Stage = GramStage<8>;

    static __device__ __forceinline__ void sum(
        const ExpertMatrices& m, int part, int64_t row_start, int64_t block, Stage& stage, double* sums, int stride) {
        if (part < 2) {
            gram_of_two_blocks(m, GramTile<8, 0>{8 * part, 0}, row_start, block, stage, sums, stride);
        } else {
            // Two tiles of 16 pairs a warp: rows 8 to 11, then 12 to 15, with four of the lower eight.
            gram_of_two_blocks(m, GramTile<4, 4>{8, 4 * (part - 2)}, row_start, block, stage, sums, stride);
            gram_of_two_blocks(m, GramTile<4, 4>{12, 4 * (part - 2)}, row_start, block, stage, sums, stride);
        }
    }
};

// What the warps of a thread block sum up for a channel, in shared memory.
template <int Capacity>
struct GramSums {
    static constexpr int kPairs = Capacity * (Capacity + 1) / 2;

    double rounds[2 * kMaxClusterWarps / GramShare<Capacity>::kWarps * kPairs];
    double gram[Capacity * Capacity];
};

// The warps of the thread block sum the Gram matrix of a channel, a round of blocks at a time, and add the rounds up.
template <int Capacity>
static __device__ void sum_gram(
    const ExpertMatrices& m, int64_t channel, typename GramShare<Capacity>::Stage* stages, GramSums<Capacity>& sums) {
    constexpr int kPairs = GramSums<Capacity>::kPairs;
    const int warp = threadIdx.x / 32;
    const int pair_of_blocks = warp / GramShare<Capacity>::kWarps;
    const int blocks_a_round = static_cast<int>(blockDim.x) / 32 / GramShare<Capacity>::kWarps * 2;
    const int64_t blocks = (m.columns + kGramBlock - 1) / kGramBlock;
    const int experts = m.expert_count;
    for (int place = threadIdx.x; place < experts * experts; place += blockDim.x) {
        sums.gram[place] = 0.0;
    }
    for (int64_t round = 0; round < blocks; round += blocks_a_round) {
        const int64_t block = round + 2 * pair_of_blocks;
        if (block < blocks) {
            GramShare<Capacity>::sum(
                m, warp % GramShare<Capacity>::kWarps, channel * m.columns, block, stages[warp],
                sums.rounds + 2 * pair_of_blocks * kPairs, kPairs);
        }
        __syncthreads();
        const int64_t left = blocks - round;
        const int count = static_cast<int>(left < blocks_a_round ? left : blocks_a_round);
        for (int place = threadIdx.x; place < experts * experts; place += blockDim.x) {
            const int e = place / experts;
            const int f = place % experts;
            // Both triangles, so that nobody has to mind which.
            const int pair = f <= e ? triangle(e) + f : triangle(f) + e;
            double total = sums.gram[place];
            for (int block_sum = 0; block_sum < count; ++block_sum) {
                total += sums.rounds[block_sum * kPairs + pair];
            }
            sums.gram[place] = total;
        }
        __syncthreads();
    }
}

static __device__ __forceinline__ double canonical_sum(double value) {
    return value == value ? value : __longlong_as_double(0x7FF8000000000000ll);
}

}  // namespace interfuse
