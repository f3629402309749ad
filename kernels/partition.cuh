// The best partition of a channel's experts into groups, found by one warp: the twin of ChannelPartition in C#,
// operation
// for operation (its documentation says what is computed, in which order, and who wins a tie). No multiplication is
// ever
// fused with an addition here.
#pragma once

#include "expert_set.cuh"

#include <stdint.h>

namespace interfuse {

constexpr int32_t kCosine = 0;
constexpr int kMaxExactExperts = 8;
constexpr int kMaxRounds = 32;
constexpr int kMaxGroups = 16;

static __device__ __forceinline__ double no_score() {
    return __longlong_as_double(static_cast<long long>(0xFFF0000000000000ull));
}

static __device__ __forceinline__ bool is_finite(double value) {
    return (__double_as_longlong(value) & 0x7FF0000000000000ll) != 0x7FF0000000000000ll;
}

// A symmetric matrix of the experts in shared memory, row by row.
struct Symmetric {
    const double* values;
    int experts;

    __device__ __forceinline__ double at(int e, int f) const { return values[e * experts + f]; }

    // Takes one expert more into the sum of a set's lower ones.
    __device__ __forceinline__ double extend(double sum, uint32_t set, int expert) const {
        double shared = 0.0;
        for (uint32_t lower = set & ((1u << expert) - 1u); lower != 0; lower &= lower - 1u) {
            shared += at(expert, lowest_expert(lower));
        }
        return (sum + (shared + shared)) + at(expert, expert);
    }

    __device__ __forceinline__ double sum(uint32_t set) const {
        double sum = 0.0;
        for (uint32_t left = set; left != 0; left &= left - 1u) {
            sum = extend(sum, set, lowest_expert(left));
        }
        return sum;
    }
};

struct Objective {
    Symmetric likeness;
    int32_t similarity;

    __device__ __forceinline__ double score(double sum, int count) const {
        if (similarity == kCosine) {
            return sum > 0.0 ? sqrt(sum) : 0.0;
        }
        return sum / static_cast<double>(count);
    }

    __device__ __forceinline__ double closeness(int expert, uint32_t set, double sum) const {
        double shared = 0.0;
        for (uint32_t left = set; left != 0; left &= left - 1u) {
            shared += likeness.at(expert, lowest_expert(left));
        }
        if (similarity == kCosine) {
            return sum > 0.0 ? shared / sqrt(sum) : 0.0;
        }
        const double count = static_cast<double>(__popc(set));
        return (((shared + shared) / count) - (sum / (count * count))) - likeness.at(expert, expert);
    }
};

// Dynamic programming over the sets of up to Experts experts. What is left once expert 0's group is chosen is a set
// without expert 0: half as many.
template <int Experts>
struct ExactScratch {
    static constexpr int kSets = 1 << Experts;
    static constexpr int kRests = kSets / 2;

    double sums[kSets];
    double scores[kSets];
    double best[2][kRests];
    uint8_t choices[Experts][kRests];
};

struct FirstGroup {
    double score;
    uint32_t group;
};

static __device__ __forceinline__ FirstGroup best_first_group(
    uint32_t set, int k, const double* scores, const double* best) {
    const uint32_t lowest = set & (~set + 1u);
    const uint32_t others = set ^ lowest;
    uint32_t joined = 0;
    FirstGroup found = {no_score(), 0};
    do {
        const uint32_t rest = others ^ joined;
        if (__popc(rest) >= k - 1) {
            const double score = scores[lowest | joined] + best[rest >> 1];
            if (score > found.score) {
                found.score = score;
                found.group = lowest | joined;
            }
        }
        // The next larger subset of the others; after all of them, 0.
        joined = (joined - others) & others;
    } while (joined != 0);
    return found;
}

// The same for the set of all experts, whose subsets the lanes share out.
static __device__ __forceinline__ uint32_t best_first_group_of_all(
    int experts, int k, const double* scores, const double* best, int lane) {
    const uint32_t others = (1u << experts) - 2u;
    FirstGroup found = {no_score(), ~0u};
    for (uint32_t joined = static_cast<uint32_t>(lane) << 1; joined <= others; joined += 64u) {
        const uint32_t rest = others ^ joined;
        if (__popc(rest) >= k - 1) {
            const double score = scores[1u | joined] + best[rest >> 1];
            if (score > found.score) {
                found.score = score;
                found.group = 1u | joined;
            }
        }
    }
    for (int distance = 16; distance > 0; distance /= 2) {
        const double score = __shfl_xor_sync(kFullWarp, found.score, distance);
        const uint32_t group = __shfl_xor_sync(kFullWarp, found.group, distance);
        if (score > found.score || (score == found.score && group < found.group)) {
            found.score = score;
            found.group = group;
        }
    }
    return found.group;
}

template <int Experts>
static __device__ void find_best(
    const Objective& objective, int groups, ExactScratch<Experts>& scratch, uint32_t* sets, int lane) {
    const int experts = objective.likeness.experts;
    const uint32_t all = (1u << experts) - 1u;
    if (lane == 0) {
        scratch.sums[0] = 0.0;
    }
    for (int highest = 0; highest < experts; ++highest) {
        __syncwarp();
        const uint32_t bit = 1u << highest;
        for (uint32_t set = bit + static_cast<uint32_t>(lane); set < 2u * bit; set += 32u) {
            const double sum = objective.likeness.extend(scratch.sums[set ^ bit], set, highest);
            const double score = objective.score(sum, __popc(set));
            scratch.sums[set] = sum;
            scratch.scores[set] = score;
            if ((set & 1u) == 0) {
                scratch.best[0][set >> 1] = score;
            }
        }
    }
    __syncwarp();

    int current = 0;
    for (int k = 2; k < groups; ++k) {
        for (uint32_t rest = 2u * (static_cast<uint32_t>(lane) + 1u); rest <= all; rest += 64u) {
            if (__popc(rest) >= k) {
                const FirstGroup found = best_first_group(rest, k, scratch.scores, scratch.best[current]);
                scratch.best[1 - current][rest >> 1] = found.score;
                scratch.choices[k][rest >> 1] = static_cast<uint8_t>(found.group >> 1);
            }
        }
        current = 1 - current;
        __syncwarp();
    }

    const uint32_t first = best_first_group_of_all(experts, groups, scratch.scores, scratch.best[current], lane);
    if (lane == 0) {
        sets[0] = first;
        uint32_t left = all & ~first;
        for (int group = 1; group < groups; ++group) {
            const int k = groups - group;
            sets[group] = k == 1 ? left : static_cast<uint32_t>(scratch.choices[k][left >> 1]) << 1;
            left &= ~sets[group];
        }
    }
    __syncwarp();
}

// k-means in Gram space: lane e knows expert e, lane g group g.
struct KMeansScratch {
    double sums[kMaxGroups];
    double scores[kMaxGroups];
    double closeness[16];
    uint32_t sets[kMaxGroups];
    uint32_t before[kMaxGroups];
    int32_t member[16];
};

static __device__ void start_k_means(const Objective& objective, int groups, KMeansScratch& scratch, int lane) {
    const int experts = objective.likeness.experts;
    uint32_t chosen = 0;
    int next = 0;
    if (lane < experts) {
        scratch.closeness[lane] = no_score();
    }
    for (int group = 0; group < groups; ++group) {
        const uint32_t set = 1u << next;
        chosen |= set;
        if (lane == 0) {
            scratch.sets[group] = set;
        }
        const double sum = objective.likeness.sum(set);
        if (lane < experts) {
            const double closeness = objective.closeness(lane, set, sum);
            if (closeness > scratch.closeness[lane]) {
                scratch.closeness[lane] = closeness;
            }
        }
        __syncwarp();
        next = -1;
        for (int expert = 0; expert < experts; ++expert) {
            if ((chosen >> expert & 1u) == 0
                && (next < 0 || scratch.closeness[expert] < scratch.closeness[next])) {
                next = expert;
            }
        }
        __syncwarp();
    }
}

static __device__ void join_closest(const Objective& objective, int groups, KMeansScratch& scratch, int lane) {
    if (lane < groups) {
        scratch.before[lane] = scratch.sets[lane];
        scratch.sums[lane] = objective.likeness.sum(scratch.sets[lane]);
    }
    __syncwarp();
    const int experts = objective.likeness.experts;
    int member = 0;
    if (lane < experts) {
        double closest = no_score();
        for (int group = 0; group < groups; ++group) {
            const double closeness = objective.closeness(lane, scratch.before[group], scratch.sums[group]);
            if (closeness > closest) {
                closest = closeness;
                member = group;
            }
        }
        scratch.closeness[lane] = closest;
        scratch.member[lane] = member;
    }
    for (int group = 0; group < groups; ++group) {
        const uint32_t set = __ballot_sync(kFullWarp, lane < experts && member == group);
        if (lane == 0) {
            scratch.sets[group] = set;
        }
    }
    __syncwarp();
}

// By one lane.
static __device__ void fill_empty_groups(int experts, int groups, KMeansScratch& scratch) {
    for (int group = 0; group < groups; ++group) {
        if (scratch.sets[group] != 0) {
            continue;
        }
        int worst = -1;
        for (int expert = 0; expert < experts; ++expert) {
            const bool can_leave = __popc(scratch.sets[scratch.member[expert]]) > 1;
            if (can_leave && (worst < 0 || scratch.closeness[expert] < scratch.closeness[worst])) {
                worst = expert;
            }
        }
        scratch.sets[scratch.member[worst]] ^= 1u << worst;
        scratch.sets[group] = 1u << worst;
        scratch.member[worst] = group;
    }
}

static __device__ void find_by_k_means(
    const Objective& objective, int groups, KMeansScratch& scratch, uint32_t* sets, int lane) {
    start_k_means(objective, groups, scratch, lane);
    double best = no_score();
    for (int round = 0; round < kMaxRounds; ++round) {
        join_closest(objective, groups, scratch, lane);
        if (lane == 0) {
            fill_empty_groups(objective.likeness.experts, groups, scratch);
        }
        __syncwarp();
        bool moved = false;
        if (lane < groups) {
            const uint32_t set = scratch.sets[lane];
            moved = set != scratch.before[lane];
            scratch.scores[lane] = objective.score(objective.likeness.sum(set), __popc(set));
        }
        if (!__any_sync(kFullWarp, moved)) {
            break;
        }
        __syncwarp();
        double score = 0.0;
        for (int group = 0; group < groups; ++group) {
            score += scratch.scores[group];
        }
        if (score > best) {
            best = score;
            if (lane < groups) {
                sets[lane] = scratch.sets[lane];
            }
        }
        __syncwarp();
    }
    __syncwarp();
}

// Cosines, or the inner products themselves, of what counts; `likeness` is written in full.
static __device__ __forceinline__ bool counts(double energy, bool cosine) {
    return is_finite(energy) && (!cosine || energy > 0.0);
}

static __device__ void fill_likeness(
    const Symmetric& gram, int32_t similarity, double* likeness, int lane) {
    const int experts = gram.experts;
    const bool cosine = similarity == kCosine;
    for (int place = lane; place < experts * experts; place += 32) {
        const int e = place / experts;
        const int f = place % experts;
        if (f <= e) {
            const double own = gram.at(e, e);
            const double other = gram.at(f, f);
            const double shared = gram.at(e, f);
            double value = 0.0;
            if (counts(own, cosine) && counts(other, cosine)) {
                value = cosine ? shared / sqrt(own * other) : shared;
            }
            likeness[e * experts + f] = value;
            likeness[f * experts + e] = value;
        }
    }
    __syncwarp();
}

}  // namespace interfuse
