// What lies in a range of magnitudes, in the order of its elements: counted chunk by chunk, the counts added up, then
// written; and where the n-th of it stands.
#include "select_pairs.cuh"

namespace interfuse::selection {

/// Which of a group's elements are in the range, as a mask.
static __device__ __forceinline__ unsigned members(
    const Range& range, int64_t first, int count, const float (&deltas)[kGroup]) {
    const int64_t left = range.tie_end - first;
    const int ties = left <= 0 ? 0 : left < kGroup ? static_cast<int>(left) : kGroup;
    unsigned mask = 0;
#pragma unroll
    for (int i = 0; i < kGroup; ++i) {
        const unsigned m = magnitude_bits(deltas[i]);
        const bool inside = i < count && m <= range.high && (i < ties ? m >= range.low : m > range.low);
        mask |= inside ? 1u << i : 0u;
    }

    return mask;
}

}  // namespace interfuse::selection

/// Counts the elements of each chunk that are in the range; each block takes one.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_count(const interfuse::selection::SelectCountArguments a) {
    using namespace interfuse::selection;
    __shared__ unsigned sums[2];
    if (threadIdx.x < 2) {
        sums[threadIdx.x] = 0;
    }

    __syncthreads();
    const int64_t begin = static_cast<int64_t>(blockIdx.x) * kChunk;
    const int64_t end = min(begin + kChunk, a.pair.length);
    unsigned above = 0;
    unsigned inside = 0;
    visit_groups(a.pair, begin, end, [&](int64_t first, int count, const float(&deltas)[kGroup]) {
        inside += static_cast<unsigned>(__popc(members(a.range, first, count, deltas)));
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            above += i < count && magnitude_bits(deltas[i]) > a.range.high ? 1u : 0u;
        }
    });

    above = __reduce_add_sync(kAllLanes, above);
    inside = __reduce_add_sync(kAllLanes, inside);
    if (lane() == 0) {
        atomicAdd(&sums[0], above);
        atomicAdd(&sums[1], inside);
    }

    __syncthreads();
    if (threadIdx.x == 0) {
        a.chunks[blockIdx.x] = sums[1];
        if (a.tiles != nullptr) {
            TileCounts* tile = a.tiles + begin / kTileLength;
            atomicAdd(&tile->above, static_cast<int>(sums[0]));
            atomicAdd(&tile->inside, static_cast<int>(sums[1]));
        }
    }
}
INTERFUSE_KERNEL(interfuse_select_count)

/// Where each chunk's share begins, and behind the last the sum. One block.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kScanThreads)
    interfuse_select_scan(const interfuse::selection::SelectScanArguments a) {
    using namespace interfuse::selection;
    constexpr int kOwn = 4;
    __shared__ unsigned long long scratch[kScanThreads / 32];
    unsigned long long before = 0;
    for (int64_t step = 0; step < a.count; step += kOwn * kScanThreads) {
        const int64_t first = step + static_cast<int64_t>(threadIdx.x) * kOwn;
        unsigned long long counts[kOwn];
        unsigned long long sum = 0;
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            counts[i] = first + i < a.count ? a.chunks[first + i] : 0;
            sum += counts[i];
        }

        unsigned long long total = 0;
        unsigned long long offset = before + block_prefix(sum, scratch, total);
#pragma unroll
        for (int i = 0; i < kOwn; ++i) {
            if (first + i < a.count) {
                a.offsets[first + i] = static_cast<int64_t>(offset);
            }

            offset += counts[i];
        }

        before += total;
    }

    if (threadIdx.x == 0) {
        a.offsets[a.count] = static_cast<int64_t>(before);
    }
}
INTERFUSE_KERNEL(interfuse_select_scan)

/// Writes each chunk's share to its place, in the order of the elements; what has no room is left out.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kThreads)
    interfuse_select_write(const interfuse::selection::SelectWriteArguments a) {
    using namespace interfuse::selection;
    __shared__ unsigned long long scratch[kWarps];
    int64_t before = a.offsets[blockIdx.x];
    if (a.offsets[blockIdx.x + 1] == before) {
        return;
    }

    const int64_t begin = static_cast<int64_t>(blockIdx.x) * kChunk;
    const int64_t end = min(begin + kChunk, a.pair.length);
    visit_groups(a.pair, begin, end, [&](int64_t first, int count, const float(&deltas)[kGroup]) {
        const unsigned mask = members(a.range, first, count, deltas);
        unsigned long long total = 0;
        int64_t place =
            before + static_cast<int64_t>(block_prefix(static_cast<unsigned>(__popc(mask)), scratch, total));
        before += static_cast<int64_t>(total);
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            if ((mask >> i & 1u) == 0) {
                continue;
            }

            if (place < a.room) {
                if (a.values == nullptr) {
                    static_cast<uint32_t*>(a.indices)[place] = magnitude_bits(deltas[i]);
                } else {
                    store_element(a.values, a.value_dtype, place, deltas[i]);
                    if (a.index_bytes == 4) {
                        static_cast<int32_t*>(a.indices)[place] = static_cast<int32_t>(first + i);
                    } else {
                        static_cast<int64_t*>(a.indices)[place] = first + i;
                    }
                }
            }

            ++place;
        }
    });
}
INTERFUSE_KERNEL(interfuse_select_write)

/// The index of the element with these magnitude bits that `rank` others come before, or -1. `chunks` counts them in
/// chunks of `chunk_length` elements, a multiple of eight. One block.
extern "C" __global__ void __launch_bounds__(interfuse::selection::kScanThreads)
    interfuse_select_locate(const interfuse::selection::SelectLocateArguments a) {
    using namespace interfuse::selection;
    __shared__ unsigned long long scratch[kScanThreads / 32];
    __shared__ unsigned long long found[2];  // the chunk, and how many come before it
    if (threadIdx.x == 0) {
        found[0] = static_cast<unsigned long long>(a.count);
        found[1] = 0;
        *a.result = -1;
    }

    __syncthreads();
    const unsigned long long rank = static_cast<unsigned long long>(a.rank);
    unsigned long long before = 0;
    for (int64_t step = 0; step < a.count && before <= rank; step += kScanThreads * kGroup) {
        const int64_t first = step + static_cast<int64_t>(threadIdx.x) * kGroup;
        unsigned counts[kGroup];
        unsigned long long sum = 0;
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            counts[i] = first + i < a.count ? a.chunks[first + i] : 0;
            sum += counts[i];
        }

        unsigned long long total = 0;
        unsigned long long offset = before + block_prefix(sum, scratch, total);
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            if (rank >= offset && rank < offset + counts[i]) {
                found[0] = static_cast<unsigned long long>(first + i);
                found[1] = offset;
            }

            offset += counts[i];
        }

        before += total;
    }

    __syncthreads();
    const int64_t chunk = static_cast<int64_t>(found[0]);
    if (chunk == a.count) {
        return;
    }

    before = found[1];
    const int64_t begin = chunk * a.chunk_length;
    const int64_t end = min(begin + a.chunk_length, a.pair.length);
    visit_groups<kScanThreads>(a.pair, begin, end, [&](int64_t first, int count, const float(&deltas)[kGroup]) {
        const Range equal{a.pair.length, a.bits, a.bits};
        const unsigned mask = members(equal, first, count, deltas);
        unsigned long long total = 0;
        unsigned long long order = before + block_prefix(static_cast<unsigned>(__popc(mask)), scratch, total);
        before += total;
#pragma unroll
        for (int i = 0; i < kGroup; ++i) {
            if ((mask >> i & 1u) != 0 && order++ == rank) {
                *a.result = first + i;
            }
        }
    });
}
INTERFUSE_KERNEL(interfuse_select_locate)
