// Channel clustering: per output channel the Gram matrix of the experts' deltas, the best partition into groups, and
// the
// groups' mean rows. One block per channel: its warps sum the Gram matrix, the first of them partitions, all write the
// means from rows that the second-level cache still holds. While one block partitions, others keep the memory busy.
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

// The experts in a channel's order of groups: what the means need to know of the partition.
struct ChannelGroups {
    uint32_t sets[kMaxGroups];
    uint8_t group[kMaxExperts];
    // Experts sorted by group, and where in that order a group begins and ends, one bit per place.
    uint8_t order[kMaxExperts];
    uint32_t begins;
    uint32_t ends;
    double lost[kMaxGroups];
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
    const ClusterArguments& a, const GramTile<Rows, Others>& tile, int64_t index, int64_t available,
    const Packed<8> (&packed)[Rows + Others + 1], float* stage) {
    float base[8];
    base_reader(a).take(index, available, a.aligned, packed[Rows + Others], base);
#pragma unroll
    for (int row = 0; row < Rows + Others; ++row) {
        float delta[8];
        const int expert = tile.expert(row);
        if (expert < a.expert_count) {
            expert_reader(a, expert).take(index, available, a.aligned, packed[row], delta);
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
    const ClusterArguments& a, const GramTile<Rows, Others>& tile, int64_t index, int64_t available,
    Packed<8> (&packed)[Rows + Others + 1]) {
    base_reader(a).fetch(index, available, packed[Rows + Others]);
#pragma unroll
    for (int row = 0; row < Rows + Others; ++row) {
        const int expert = tile.expert(row);
        if (expert < a.expert_count) {
            expert_reader(a, expert).fetch(index, available, packed[row]);
        }
    }
}

// One warp sums the tile's pairs over two blocks of the channel, `block` and the next, into sums[0] and sums[stride].
template <int Rows, int Others>
static __device__ void gram_of_two_blocks(
    const ClusterArguments& a, const GramTile<Rows, Others>& tile, int64_t row_start, int64_t block,
    GramStage<Rows + Others>& stage, double* sums, int stride) {
    const int lane = threadIdx.x % 32;
    const int half = lane / 16;
    const int place = lane % 16;
    float* staged = stage.values[half];
    const int64_t first = (block + half) * kGramBlock + place * 8;
    const int64_t in_block = a.columns - block * kGramBlock;
    const int chunks = static_cast<int>(((in_block < kGramBlock ? in_block : kGramBlock) + kGramChunk - 1) / kGramChunk);

    double sum[GramTile<Rows, Others>::kPairs];
#pragma unroll
    for (int pair = 0; pair < GramTile<Rows, Others>::kPairs; ++pair) {
        sum[pair] = 0.0;
    }

    Packed<8> packed[Rows + Others + 1];
    fetch_chunk(a, tile, row_start + first, a.columns - first, packed);
    for (int chunk = 0; chunk < chunks; ++chunk) {
        const int64_t column = first + chunk * kGramChunk;
        stage_deltas(a, tile, row_start + column, a.columns - column, packed, staged + place * 8);
        if (chunk + 1 < chunks) {
            const int64_t next = column + kGramChunk;
            fetch_chunk(a, tile, row_start + next, a.columns - next, packed);
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
            if (place == 0 && e < a.expert_count) {
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
        const ClusterArguments& a, int, int64_t row_start, int64_t block, Stage& stage, double* sums, int stride) {
        gram_of_two_blocks(a, GramTile<4, 0>{0, 0}, row_start, block, stage, sums, stride);
    }
};

template <>
struct GramShare<8> {
    static constexpr int kWarps = 1;
    using Stage = GramStage<8>;

    static __device__ __forceinline__ void sum(
        const ClusterArguments& a, int, int64_t row_start, int64_t block, Stage& stage, double* sums, int stride) {
        gram_of_two_blocks(a, GramTile<8, 0>{0, 0}, row_start, block, stage, sums, stride);
    }
};

// 136 pairs are too many for one thread's registers.
template <>
struct GramShare<16> {
    static constexpr int kWarps = 4;
    using Stage = GramStage<8>;

    static __device__ __forceinline__ void sum(
        const ClusterArguments& a, int part, int64_t row_start, int64_t block, Stage& stage, double* sums, int stride) {
        if (part < 2) {
            gram_of_two_blocks(a, GramTile<8, 0>{8 * part, 0}, row_start, block, stage, sums, stride);
        } else {
            // Two tiles of 16 pairs a warp: rows 8 to 11, then 12 to 15, with four of the lower eight.
            gram_of_two_blocks(a, GramTile<4, 4>{8, 4 * (part - 2)}, row_start, block, stage, sums, stride);
            gram_of_two_blocks(a, GramTile<4, 4>{12, 4 * (part - 2)}, row_start, block, stage, sums, stride);
        }
    }
};

// The warps of the thread block sum the Gram matrix of a channel, a round of blocks at a time, and add the rounds up.
template <int Capacity>
static __device__ void sum_gram(
    const ClusterArguments& a, int64_t channel, typename GramShare<Capacity>::Stage* stages, double* round_sums,
    double* gram) {
    constexpr int kPairs = Capacity * (Capacity + 1) / 2;
    const int warp = threadIdx.x / 32;
    const int pair_of_blocks = warp / GramShare<Capacity>::kWarps;
    const int blocks_a_round = static_cast<int>(blockDim.x) / 32 / GramShare<Capacity>::kWarps * 2;
    const int64_t blocks = (a.columns + kGramBlock - 1) / kGramBlock;
    const int experts = a.expert_count;
    for (int place = threadIdx.x; place < experts * experts; place += blockDim.x) {
        gram[place] = 0.0;
    }
    for (int64_t round = 0; round < blocks; round += blocks_a_round) {
        const int64_t block = round + 2 * pair_of_blocks;
        if (block < blocks) {
            GramShare<Capacity>::sum(
                a, warp % GramShare<Capacity>::kWarps, channel * a.columns, block, stages[warp],
                round_sums + 2 * pair_of_blocks * kPairs, kPairs);
        }
        __syncthreads();
        const int64_t left = blocks - round;
        const int count = static_cast<int>(left < blocks_a_round ? left : blocks_a_round);
        for (int place = threadIdx.x; place < experts * experts; place += blockDim.x) {
            const int e = place / experts;
            const int f = place % experts;
            // Both triangles, so that nobody has to mind which.
            const int pair = f <= e ? triangle(e) + f : triangle(f) + e;
            double total = gram[place];
            for (int block_sum = 0; block_sum < count; ++block_sum) {
                total += round_sums[block_sum * kPairs + pair];
            }
            gram[place] = total;
        }
        __syncthreads();
    }
}

// Numbers the groups by their lowest expert, sorts the experts by group, and stores what the partition means: by one
// warp.
static __device__ void describe_groups(
    const ClusterArguments& a, int64_t channel, const Symmetric& gram, ChannelGroups& groups, int lane) {
    uint32_t own = 0;
    int number = 0;
    if (lane < a.group_count) {
        own = groups.sets[lane];
        for (int other = 0; other < a.group_count; ++other) {
            number += lowest_expert(groups.sets[other]) < lowest_expert(own) ? 1 : 0;
        }
    }
    __syncwarp();
    if (lane < a.group_count) {
        groups.sets[number] = own;
        const int count = __popc(own);
        double energy = 0.0;
        for (uint32_t left = own; left != 0; left &= left - 1u) {
            const int expert = lowest_expert(left);
            groups.group[expert] = static_cast<uint8_t>(number);
            energy += gram.at(expert, expert);
        }
        groups.lost[number] = count > 1 ? energy - gram.sum(own) / static_cast<double>(count) : 0.0;
    }
    __syncwarp();
    if (lane < a.expert_count) {
        a.groups[lane * a.channels + channel] = groups.group[lane];
    }
    if (lane == 0) {
        uint32_t begins = 0;
        uint32_t ends = 0;
        int place = 0;
        double lost = 0.0;
        for (int group = 0; group < a.group_count; ++group) {
            begins |= 1u << place;
            for (uint32_t left = groups.sets[group]; left != 0; left &= left - 1u) {
                groups.order[place++] = static_cast<uint8_t>(lowest_expert(left));
            }
            ends |= 1u << (place - 1);
            lost += groups.lost[group];
        }
        groups.begins = begins;
        groups.ends = ends;
        double total = 0.0;
        for (int expert = 0; expert < a.expert_count; ++expert) {
            total += gram.at(expert, expert);
        }
        const double nan = __longlong_as_double(0x7FF8000000000000ll);
        a.energies[2 * channel] = total == total ? total : nan;
        a.energies[2 * channel + 1] = lost < 0.0 ? 0.0 : lost == lost ? lost : nan;
    }
}

static __device__ __forceinline__ void finish_mean(
    const ClusterArguments& a, int count, const float (&base)[8], float (&mean)[8]) {
    if (count > 1) {
        const float divisor = static_cast<float>(count);
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            mean[k] = mean[k] / divisor;
        }
    }
    if (a.lambda != 1.0f) {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            mean[k] = base[k] + a.lambda * (mean[k] - base[k]);
        }
    }
}

static __device__ __forceinline__ int store_mean(
    const ClusterArguments& a, int64_t index, int64_t available, const float (&mean)[8]) {
    if (a.aligned != 0) {
        return store_elements<8>(a.bank, a.bank_dtype, index, mean);
    }
    int non_finite = 0;
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        if (k < available) {
            non_finite += store_element(a.bank, a.bank_dtype, index + k, mean[k]);
        }
    }
    return non_finite;
}

// Writes a channel's K rows. Experts come in the order of their groups, so that one sum at a time is enough.
template <int Capacity>
static __device__ int write_means(const ClusterArguments& a, int64_t channel, const ChannelGroups& groups) {
    const uint32_t begins = groups.begins;
    const uint32_t ends = groups.ends;
    const int64_t row_start = channel * a.columns;
    const int64_t matrix = a.channels * a.columns;
    int non_finite = 0;
    for (int64_t column = threadIdx.x * 8; column < a.columns; column += blockDim.x * 8) {
        const int64_t index = row_start + column;
        const int64_t available = a.columns - column;
        Packed<8> packed[Capacity];
#pragma unroll
        for (int place = 0; place < Capacity; ++place) {
            if (place < a.expert_count) {
                expert_reader(a, groups.order[place]).fetch(index, available, packed[place]);
            }
        }
        float base[8];
        if (a.lambda != 1.0f) {
            const RowReader reader = base_reader(a);
            Packed<8> packed_base;
            reader.fetch(index, available, packed_base);
            reader.take(index, available, a.aligned, packed_base, base);
        }

        float mean[8];
        int count = 0;
        int group = 0;
#pragma unroll
        for (int place = 0; place < Capacity; ++place) {
            if (place < a.expert_count) {
                float values[8];
                expert_reader(a, groups.order[place]).take(index, available, a.aligned, packed[place], values);
                const bool first = (begins >> place & 1u) != 0;
                count = first ? 1 : count + 1;
#pragma unroll
                for (int k = 0; k < 8; ++k) {
                    mean[k] = first ? values[k] : mean[k] + values[k];
                }
                if ((ends >> place & 1u) != 0) {
                    finish_mean(a, count, base, mean);
                    non_finite += store_mean(a, group * matrix + index, available, mean);
                    ++group;
                }
            }
        }
    }
    return non_finite;
}

template <int Capacity>
struct PartitionScratch {
    ExactScratch<Capacity> exact;

    __device__ __forceinline__ void find(const Objective& objective, int groups, uint32_t* sets, int lane) {
        find_best<Capacity>(objective, groups, exact, sets, lane);
    }
};

template <>
struct PartitionScratch<16> {
    KMeansScratch k_means;

    __device__ __forceinline__ void find(const Objective& objective, int groups, uint32_t* sets, int lane) {
        find_by_k_means(objective, groups, k_means, sets, lane);
    }
};

// By one warp: the groups' sets from the Gram matrix.
template <int Capacity>
static __device__ void partition(
    const Symmetric& gram, int groups, int32_t similarity, double* likeness, PartitionScratch<Capacity>& scratch,
    uint32_t* sets, int lane) {
    if (groups == 1 || groups == gram.experts) {
        if (lane < groups) {
            sets[lane] = groups == 1 ? (1u << gram.experts) - 1u : 1u << lane;
        }
        __syncwarp();
        return;
    }
    fill_likeness(gram, similarity, likeness, lane);
    scratch.find(Objective{Symmetric{likeness, gram.experts}, similarity}, groups, sets, lane);
}

template <int Capacity>
static __device__ __forceinline__ void cluster_channel(const ClusterArguments& a) {
    constexpr int kPairs = Capacity * (Capacity + 1) / 2;
    // One stage per warp.
    INTERFUSE_DYNAMIC_SHARED(typename GramShare<Capacity>::Stage, stages);
    __shared__ double round_sums[2 * kMaxClusterWarps / GramShare<Capacity>::kWarps * kPairs];
    __shared__ double gram[Capacity * Capacity];
    __shared__ double likeness[Capacity * Capacity];
    __shared__ PartitionScratch<Capacity> scratch;
    __shared__ ChannelGroups groups;

    const int64_t channel = blockIdx.x;
    sum_gram<Capacity>(a, channel, stages, round_sums, gram);
    if (threadIdx.x < 32) {
        const int lane = threadIdx.x;
        const Symmetric matrix = {gram, a.expert_count};
        partition<Capacity>(matrix, a.group_count, a.similarity, likeness, scratch, groups.sets, lane);
        describe_groups(a, channel, matrix, groups, lane);
    }
    __syncthreads();
    add_non_finite(a.non_finite, write_means<Capacity>(a, channel, groups));
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(128) interfuse_cluster_4(const interfuse::ClusterArguments a) {
    interfuse::cluster_channel<4>(a);
}
INTERFUSE_KERNEL(interfuse_cluster_4)

extern "C" __global__ void __launch_bounds__(128) interfuse_cluster_8(const interfuse::ClusterArguments a) {
    interfuse::cluster_channel<8>(a);
}
INTERFUSE_KERNEL(interfuse_cluster_8)

extern "C" __global__ void __launch_bounds__(128) interfuse_cluster_16(const interfuse::ClusterArguments a) {
    interfuse::cluster_channel<16>(a);
}
INTERFUSE_KERNEL(interfuse_cluster_16)
