// Counts where experts' trimmed task vectors contradict each other: by ballots, a bit per element, in integers.
#include "task_terms.cuh"

namespace interfuse {

// What a block counts: elements, 32 at a time for each of its warps.
constexpr int kConflictChunk = 16384;
constexpr int kMaxPairs = kMaxExperts * (kMaxExperts - 1) / 2;
constexpr int kPairsPerLane = (kMaxPairs + 31) / 32;

// The pair with this place: s above t, with place s (s - 1) / 2 + t.
static __device__ __forceinline__ void find_pair(int place, int& s, int& t) {
    s = 1;
    while (place >= s) {
        place -= s;
        ++s;
    }
    t = place;
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kThreads) interfuse_count_conflicts(
    const interfuse::ConflictArguments a) {
    using namespace interfuse;
    constexpr unsigned kWarp = 0xFFFFFFFFu;
    __shared__ unsigned sums[2 * kMaxPairs + 2];
    for (int i = threadIdx.x; i < 2 * kMaxPairs + 2; i += kThreads) {
        sums[i] = 0;
    }
    __syncthreads();

    const int lane = threadIdx.x % 32;
    const int pairs = a.count * (a.count - 1) / 2;
    int first_of[kPairsPerLane];
    int second_of[kPairsPerLane];
    unsigned both[kPairsPerLane];
    unsigned opposite[kPairsPerLane];
#pragma unroll
    for (int i = 0; i < kPairsPerLane; ++i) {
        // Lanes without a pair take the first; what they count is not used.
        find_pair(lane + 32 * i < pairs ? lane + 32 * i : 0, first_of[i], second_of[i]);
        both[i] = 0;
        opposite[i] = 0;
    }

    unsigned contested = 0;
    unsigned conflicting = 0;
    const int64_t begin = static_cast<int64_t>(blockIdx.x) * kConflictChunk;
    for (int64_t first = begin + threadIdx.x - lane; first < begin + kConflictChunk && first < a.length;
         first += kThreads) {
        const int64_t index = first + lane;
        const bool is_there = index < a.length;
        const float base_value = is_there ? load_element(a.base, a.base_dtype, index) : 0.0f;

        // Lane e keeps the bits of expert e.
        unsigned own_up = 0;
        unsigned own_down = 0;
        unsigned raised = 0;
        unsigned lowered = 0;
        unsigned any = 0;
#pragma unroll 1
        for (int e = 0; e < a.count; ++e) {
            const TaskTerm& term = a.terms[e];
            const float delta = is_there ? load_element(term.expert, term.dtype, index) - base_value : 0.0f;
            const bool kept = !trims(term) || magnitude_bits(delta) >= minimum_bits(term, index);

            // A NaN is neither above 0 nor below.
            const unsigned up = __ballot_sync(kWarp, kept && delta > 0.0f);
            const unsigned down = __ballot_sync(kWarp, kept && delta < 0.0f);
            own_up = lane == e ? up : own_up;
            own_down = lane == e ? down : own_down;
            any |= (raised | lowered) & (up | down);
            raised |= up;
            lowered |= down;
        }

        // The same in every lane; the first one's counts.
        contested += static_cast<unsigned>(__popc(any));
        conflicting += static_cast<unsigned>(__popc(raised & lowered));
#pragma unroll
        for (int i = 0; i < kPairsPerLane; ++i) {
            if (32 * i < pairs) {
                const unsigned s_up = __shfl_sync(kWarp, own_up, first_of[i]);
                const unsigned s_down = __shfl_sync(kWarp, own_down, first_of[i]);
                const unsigned t_up = __shfl_sync(kWarp, own_up, second_of[i]);
                const unsigned t_down = __shfl_sync(kWarp, own_down, second_of[i]);
                const unsigned apart = (s_up & t_down) | (s_down & t_up);
                both[i] += static_cast<unsigned>(__popc(apart | (s_up & t_up) | (s_down & t_down)));
                opposite[i] += static_cast<unsigned>(__popc(apart));
            }
        }
    }

#pragma unroll
    for (int i = 0; i < kPairsPerLane; ++i) {
        const int pair = lane + 32 * i;
        if (pair < pairs) {
            atomicAdd(&sums[2 * pair], both[i]);
            atomicAdd(&sums[2 * pair + 1], opposite[i]);
        }
    }
    if (lane == 0) {
        atomicAdd(&sums[2 * pairs], contested);
        atomicAdd(&sums[2 * pairs + 1], conflicting);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < 2 * pairs + 2; i += kThreads) {
        if (sums[i] != 0) {
            atomicAdd(&a.counts[i], static_cast<unsigned long long>(sums[i]));
        }
    }
}
INTERFUSE_KERNEL(interfuse_count_conflicts)
