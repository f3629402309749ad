// The search for the k-th largest magnitude: sample, digits, pick, sweep and tally. See select_state.cuh.
#include "select_pairs.cuh"

namespace interfuse::selection {

/// Mixes the bits of a number, so that places in the sample have no rhythm that a tensor's rows could share.
static __device__ __forceinline__ unsigned scatter(unsigned x) {
    x = (x ^ (x >> 16)) * 0x7FEB352Du;
    x = (x ^ (x >> 15)) * 0x846CA68Bu;
    return x ^ (x >> 16);
}

constexpr int kStaged = 512;  // candidates that a warp holds in shared memory before it asks for room outside

/// Candidates of one warp on their way to global memory.
struct Stage {
    unsigned* held;    // shared, kStaged words
    unsigned* cursor;  // shared, one word
    unsigned count;    // the same in all lanes

    /// Adds those of a thread's magnitudes that `mask` names. All lanes of the warp take part, and there is room.
    __device__ __forceinline__ void add(unsigned mask, const unsigned (&magnitudes)[kGroup]) {
        const unsigned added = static_cast<unsigned>(__popc(mask));
        if (added != 0) {
            unsigned at = atomicAdd(cursor, added);
#pragma unroll
            for (int i = 0; i < kGroup; ++i) {
                if ((mask >> i & 1u) != 0) {
                    held[at++] = magnitudes[i];
                }
            }
        }

        count += __reduce_add_sync(kAllLanes, added);
    }

    __device__ __forceinline__ void copy_to(const SelectSweepArguments& a, unsigned long long at, unsigned tile) const {
        for (unsigned i = static_cast<unsigned>(lane()); i < count; i += 32) {
            const unsigned long long place = at + i;
            if (place < static_cast<unsigned long long>(a.room)) {
                a.candidates[place] = held[i];
                a.candidate_tiles[place] = tile;
            }
        }
    }

    /// Empties it. All lanes of the warp take part.
    __device__ __forceinline__ void flush(const SelectSweepArguments& a, unsigned tile) {
        unsigned long long at = 0;
        if (lane() == 0) {
            at = atomicAdd(&a.state->inside, static_cast<unsigned long long>(count));
        }

        at = __shfl_sync(kAllLanes, at, 0);
        __syncwarp();
        copy_to(a, at, tile);
        __syncwarp();
        if (lane() == 0) {
            *cursor = 0;
        }

        __syncwarp();
        count = 0;
    }
};

}  // namespace interfuse::selection

/// Takes one group of eight elements out of each of `groups` equal parts of the tensor, at a place in it that has no
/// pattern, and stores their magnitudes.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_sample(const interfuse::selection::SelectSampleArguments a) {
    using namespace interfuse::selection;
    const int64_t group = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (group >= a.groups) {
        return;
    }

    const int64_t all = a.pair.length / kGroup;
    const int64_t start = group * all / a.groups;
    const int64_t width = (group + 1) * all / a.groups - start;
    const unsigned long long word = scatter(static_cast<unsigned>(group));
    const int64_t first = (start + static_cast<int64_t>(word * static_cast<unsigned long long>(width) >> 32)) * kGroup;
    float deltas[kGroup];
    load_deltas(a.pair, first, a.pair.length, deltas);
    for (int i = 0; i < kGroup; ++i) {
        a.sample[group * kGroup + i] = magnitude_bits(deltas[i]);
    }
}
INTERFUSE_KERNEL(interfuse_select_sample)

/// Counts values in bins of width 2^shift from each unfinished search's value on.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_digits(const interfuse::selection::SelectDigitsArguments a) {
    using namespace interfuse::selection;
    __shared__ unsigned bins[2 * kDigitBins];
    for (int i = static_cast<int>(threadIdx.x); i < 2 * kDigitBins; i += kThreads) {
        bins[i] = 0;
    }

    __syncthreads();
    for (int search = 0; search < 2; ++search) {
        if (a.state->rank[search] == 0) {
            continue;
        }

        unsigned* own = bins + search * kDigitBins;
        const unsigned low = a.state->value[search];
        const int64_t stride = static_cast<int64_t>(gridDim.x) * kStep;
        for (int64_t step = static_cast<int64_t>(blockIdx.x) * kStep; step < a.count; step += stride) {
            Run run;
#pragma unroll
            for (int i = 0; i < kGroup; ++i) {
                const int64_t place = step + i * kThreads + threadIdx.x;
                const unsigned value = place < a.count ? a.values[place] : 0;
                const unsigned bin = (value - low) >> a.shift;
                if (place < a.count && value >= low && bin < static_cast<unsigned>(a.bin_count)) {
                    run.add(own, bin);
                }
            }

            add_to_bin(own, run.bin, run.count);
        }
    }

    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < 2 * kDigitBins; i += kThreads) {
        if (bins[i] != 0) {
            atomicAdd(&a.bins[i], bins[i]);
        }
    }
}
INTERFUSE_KERNEL(interfuse_select_digits)

/// Block s narrows search s to the bin that holds its rank, and clears its bins for the next digit.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_pick(const interfuse::selection::SelectPickArguments a) {
    using namespace interfuse::selection;
    constexpr int kOwn = kDigitBins / kThreads;
    __shared__ unsigned long long scratch[kWarps];
    const unsigned long long rank = a.state->rank[blockIdx.x];
    const unsigned value = a.state->value[blockIdx.x];
    if (rank == 0) {
        return;
    }

    // Ranks count from the largest value down, and so do threads and bins here.
    unsigned* bins = a.bins + blockIdx.x * kDigitBins;
    const int top = kDigitBins - 1 - static_cast<int>(threadIdx.x) * kOwn;
    unsigned counts[kOwn];
    unsigned long long sum = 0;
    for (int i = 0; i < kOwn; ++i) {
        counts[i] = bins[top - i];
        bins[top - i] = 0;
        sum += counts[i];
    }

    unsigned long long total = 0;
    unsigned long long before = block_prefix(sum, scratch, total);
    for (int i = 0; i < kOwn; ++i) {
        if (rank > before && rank <= before + counts[i]) {
            a.state->rank[blockIdx.x] = rank - before;
            a.state->equal[blockIdx.x] = counts[i];
            a.state->value[blockIdx.x] = value + (static_cast<unsigned>(top - i) << a.shift);
        }

        before += counts[i];
    }
}
INTERFUSE_KERNEL(interfuse_select_pick)

/// Counts the elements above the bracket, on its edges and inside it, the edges tile by tile as well, and collects the
/// inside. Each block takes one chunk, a power of two of elements that divides a tile.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads, 4)
    interfuse_select_sweep(const interfuse::selection::SelectSweepArguments a) {
    using namespace interfuse::selection;
    __shared__ unsigned staged[kWarps][kStaged];
    __shared__ unsigned cursors[kWarps];
    __shared__ unsigned sums[3];
    __shared__ unsigned long long scratch[kWarps];
    if (threadIdx.x < kWarps) {
        cursors[threadIdx.x] = 0;
    }

    if (threadIdx.x < 3) {
        sums[threadIdx.x] = 0;
    }

    __syncthreads();
    const unsigned low = a.state->value[0];
    const unsigned high = a.state->value[1];
    const unsigned width = high > low ? high - low - 1 : 0;
    const int64_t begin = static_cast<int64_t>(blockIdx.x) * a.chunk;
    const int64_t end = min(begin + a.chunk, a.pair.length);
    const unsigned tile = static_cast<unsigned>(begin / kTileLength);

    unsigned above = 0;
    unsigned at_high = 0;
    unsigned at_low = 0;
    Stage stage{staged[warp()], &cursors[warp()], 0};
    visit_groups(a.pair, begin, end, [&](int64_t, int count, const float(&deltas)[kGroup]) {
        unsigned magnitudes[kGroup];
        unsigned inside = 0;
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            const unsigned m = magnitudes[i] = magnitude_bits(deltas[i]);
            const bool there = i < count;
            above += there && m > high ? 1u : 0u;
            at_high += there && m == high ? 1u : 0u;
            at_low += there && m == low ? 1u : 0u;
            inside |= there && m - low - 1 < width ? 1u << i : 0u;
        }

        stage.add(inside, magnitudes);
        if (stage.count > kStaged - 32 * kGroup) {
            stage.flush(a, tile);
        }
    });

    above = __reduce_add_sync(kAllLanes, above);
    at_high = __reduce_add_sync(kAllLanes, at_high);
    at_low = __reduce_add_sync(kAllLanes, at_low);
    if (lane() == 0) {
        atomicAdd(&sums[0], above);
        atomicAdd(&sums[1], at_high);
        atomicAdd(&sums[2], at_low);
    }

    // The lanes of a warp hold the same count; only the first one's may enter the sum.
    unsigned long long total = 0;
    unsigned long long at = block_prefix(lane() == 0 ? stage.count : 0, scratch, total);
    at = __shfl_sync(kAllLanes, at, 0);
    if (threadIdx.x == 0) {
        scratch[0] = total != 0 ? atomicAdd(&a.state->inside, total) : 0;
        if (sums[0] != 0) {
            atomicAdd(&a.state->above, static_cast<unsigned long long>(sums[0]));
        }

        if (sums[1] != 0) {
            atomicAdd(&a.state->at_high, static_cast<unsigned long long>(sums[1]));
            atomicAdd(&a.tiles_at_high[tile], sums[1]);
        }

        if (sums[2] != 0 && low != high) {
            atomicAdd(&a.state->at_low, static_cast<unsigned long long>(sums[2]));
            atomicAdd(&a.tiles_at_low[tile], sums[2]);
        }
    }

    __syncthreads();
    stage.copy_to(a, scratch[0] + at, tile);
}
INTERFUSE_KERNEL(interfuse_select_sweep)

/// Counts, tile by tile, the candidates that equal the threshold.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_tally(const interfuse::selection::SelectTallyArguments a) {
    using namespace interfuse::selection;
    const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < a.count; i += stride) {
        if (a.candidates[i] == a.bits) {
            atomicAdd(&a.tiles[a.candidate_tiles[i]], 1u);
        }
    }
}
INTERFUSE_KERNEL(interfuse_select_tally)
