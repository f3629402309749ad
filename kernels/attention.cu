// Causal attention over paged keys and values. A block of 128 threads does a page at a time for a few query heads that
// share a key-value head, so that keys and values are read once for all of them: a thread scores one position, and then
// sums one element of the values. Each page's sums are made in the one order that all devices keep.
//
// Many tokens keep the device busy with a block for each (interfuse_attention_N), which goes through its pages twice:
// for the greatest score, and for the sums. For few, pages are spread over blocks (interfuse_attention_scores_N,
// _pages_N and _combine), which hand each other scores and sums in memory.
#include "attention_arguments.h"
#include "elements.cuh"
#include "exp.cuh"

namespace interfuse {

constexpr unsigned kAttentionWarp = 0xFFFFFFFFu;
constexpr int kAttentionWarps = kPagePositions / 32;
constexpr int kWeightLanes = 16;

// Where a page's keys of one head begin; its values do so many elements further on.
static __device__ __forceinline__ float* page_of(const TokenPages& at, int64_t token, int64_t page, int64_t head) {
    const int64_t number = at.table[at.sequences[token] * at.pages_per_sequence + page];
    return at.pages + (number * 2 * at.heads + head) * at.head_length * kPagePositions;
}

static __device__ __forceinline__ int64_t values_behind_keys(const TokenPages& at) {
    return static_cast<int64_t>(at.heads) * at.head_length * kPagePositions;
}

// NaN if one is.
static __device__ __forceinline__ float greater_or_nan(float a, float b) {
    return b <= a || a != a ? a : b;
}

// What a block attends to.
template <int Queries>
struct AttentionUnit {
    int64_t number;
    int64_t token;
    int head;
    // The first of the query heads, among all, and how many there really are.
    int query;
    int count;
    // The positions looked at, from first on, and their pages.
    int64_t first;
    int64_t end;
    int64_t first_page;
    int64_t page_count;

    __device__ __forceinline__ AttentionUnit(const AttentionArguments& a, int64_t number) : number(number) {
        const int parts = (a.group + Queries - 1) / Queries;
        const int part = static_cast<int>(number % parts);
        head = static_cast<int>(number / parts % a.at.heads);
        token = number / parts / a.at.heads;
        query = head * a.group + part * Queries;
        count = a.group - part * Queries < Queries ? a.group - part * Queries : Queries;
        end = static_cast<int64_t>(a.at.positions[token]) + 1;
        first = end > a.window ? end - a.window : 0;
        first_page = first / kPagePositions;
        page_count = (end - 1) / kPagePositions + 1 - first_page;
    }

    // Of the unit's query head q, among all tokens'.
    __device__ __forceinline__ int64_t query_start(const AttentionArguments& a, int q) const {
        return ((token * a.at.heads * a.group) + query + q) * a.at.head_length;
    }

    // The positions of a page that are looked at are those from low to below high.
    __device__ __forceinline__ int low(int64_t page) const {
        const int64_t start = (first_page + page) * kPagePositions;
        return first > start ? static_cast<int>(first - start) : 0;
    }

    __device__ __forceinline__ int high(int64_t page) const {
        const int64_t start = (first_page + page) * kPagePositions;
        return end - start < kPagePositions ? static_cast<int>(end - start) : kPagePositions;
    }

    __device__ __forceinline__ bool sees(int64_t page) const {
        const int position = static_cast<int>(threadIdx.x);
        return position >= low(page) && position < high(page);
    }
};

// [head_length]: an element of each query head. Those that there are not are 0.
template <int Queries>
static __device__ __forceinline__ void load_queries(
    const AttentionArguments& a, const AttentionUnit<Queries>& unit, Words<Queries>* queries) {
    for (int i = static_cast<int>(threadIdx.x); i < a.at.head_length; i += kPagePositions) {
        Words<Queries> words;
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            words.word[q] = q < unit.count ? __float_as_uint(a.queries[unit.query_start(a, q) + i]) : 0u;
        }
        queries[i] = words;
    }
}

// The scores of the thread's position of a page; -infinity where it is not looked at.
template <int Queries>
static __device__ __forceinline__ void score_position(
    const AttentionArguments& a, const AttentionUnit<Queries>& unit, int64_t page, const Words<Queries>* queries,
    float (&scores)[Queries]) {
    if (!unit.sees(page)) {
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            scores[q] = __uint_as_float(0xFF800000u);
        }
        return;
    }
    const float* keys = page_of(a.at, unit.token, unit.first_page + page, unit.head) + threadIdx.x;
    float sums[Queries] = {};
#pragma unroll 8
    for (int i = 0; i < a.at.head_length; ++i) {
        const float key = keys[static_cast<int64_t>(i) * kPagePositions];
        const Words<Queries> query = queries[i];
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            sums[q] = __fmaf_rn(__uint_as_float(query.word[q]), key, sums[q]);
        }
    }
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        scores[q] = sums[q] * a.scale;
    }
}

// Every thread's greatest become the block's.
template <int Queries>
static __device__ __forceinline__ void reduce_greatest(float (&greatest)[Queries]) {
    __shared__ float of_warps[kAttentionWarps][Queries];
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
#pragma unroll
        for (int distance = 16; distance > 0; distance /= 2) {
            greatest[q] = greater_or_nan(greatest[q], __shfl_xor_sync(kAttentionWarp, greatest[q], distance));
        }
        if (threadIdx.x % 32 == 0) {
            of_warps[threadIdx.x / 32][q] = greatest[q];
        }
    }
    __syncthreads();
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        greatest[q] = of_warps[0][q];
#pragma unroll
        for (int warp = 1; warp < kAttentionWarps; ++warp) {
            greatest[q] = greater_or_nan(greatest[q], of_warps[warp][q]);
        }
    }
}

// Exponentials of the thread's scores; 0 where the position is not looked at, which changes no lane's sum.
template <int Queries>
static __device__ __forceinline__ Words<Queries> weigh_position(
    bool is_seen, const float (&scores)[Queries], const float (&greatest)[Queries]) {
    Words<Queries> weights;
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        weights.word[q] = is_seen ? __float_as_uint(exp_float32(scores[q] - greatest[q])) : 0u;
    }
    return weights;
}

// The sum of a page's weights, in 16 lanes that are folded. Sixteen threads have a query head; threads of further ones
// do those again. Whole warps call it.
template <int Queries>
static __device__ __forceinline__ float sum_weights(const Words<Queries>* weights) {
    const int q = static_cast<int>(threadIdx.x) / kWeightLanes % Queries;
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < kPagePositions; j += kWeightLanes) {
        sum += __uint_as_float(weights[j + threadIdx.x % kWeightLanes].word[q]);
    }
#pragma unroll
    for (int distance = kWeightLanes / 2; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(kAttentionWarp, sum, distance);
    }
    return sum;
}

// The weighted sums of an element of a page's values.
template <int Queries>
static __device__ __forceinline__ void weigh_values(
    const AttentionArguments& a, const float* values, const Words<Queries>* weights, int low, int high,
    float (&sums)[Queries]) {
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        sums[q] = 0.0f;
    }
#pragma unroll 8
    for (int j = low; j < high; ++j) {
        const float value = values[static_cast<int64_t>(j) * a.at.head_length];
        const Words<Queries> weight = weights[j];
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            sums[q] = __fmaf_rn(__uint_as_float(weight.word[q]), value, sums[q]);
        }
    }
}

template <int Queries>
static __device__ __forceinline__ void attend(const AttentionArguments& a) {
    // The queries, the sums of their values, then the scores of the pages that are kept, and of two others in turn.
    INTERFUSE_DYNAMIC_SHARED(Words<Queries>, queries);
    Words<Queries>* sums = queries + a.at.head_length;
    Words<Queries>* kept = sums + a.at.head_length;
    __shared__ float totals[Queries];

    const AttentionUnit<Queries> unit(a, blockIdx.x);
    const int thread = static_cast<int>(threadIdx.x);
    load_queries<Queries>(a, unit, queries);
    for (int i = thread; i < a.at.head_length; i += kPagePositions) {
        sums[i] = Words<Queries>{};
    }
    __syncthreads();

    float greatest[Queries];
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        greatest[q] = __uint_as_float(0xFF800000u);
    }
    for (int64_t page = 0; page < unit.page_count; ++page) {
        float scores[Queries];
        score_position<Queries>(a, unit, page, queries, scores);
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            greatest[q] = greater_or_nan(greatest[q], scores[q]);
            if (page < a.pages) {
                kept[page * kPagePositions + thread].word[q] = __float_as_uint(scores[q]);
            }
        }
    }
    reduce_greatest<Queries>(greatest);

    float total = 0.0f;
    for (int64_t page = 0; page < unit.page_count; ++page) {
        // A thread comes back to a place only after a barrier that all reach when they are done with it.
        Words<Queries>* weights = kept + (page < a.pages ? page : a.pages + page % 2) * kPagePositions;
        float scores[Queries];
        if (page < a.pages) {
#pragma unroll
            for (int q = 0; q < Queries; ++q) {
                scores[q] = __uint_as_float(weights[thread].word[q]);
            }
        } else {
            score_position<Queries>(a, unit, page, queries, scores);
        }
        weights[thread] = weigh_position<Queries>(unit.sees(page), scores, greatest);
        __syncthreads();

        if (thread < (Queries * kWeightLanes + 31) / 32 * 32) {
            total += sum_weights<Queries>(weights);
        }
        const float* values =
            page_of(a.at, unit.token, unit.first_page + page, unit.head) + values_behind_keys(a.at);
        for (int i = thread; i < a.at.head_length; i += kPagePositions) {
            float partial[Queries];
            weigh_values<Queries>(a, values + i, weights, unit.low(page), unit.high(page), partial);
            Words<Queries> sum = sums[i];
#pragma unroll
            for (int q = 0; q < Queries; ++q) {
                sum.word[q] = __float_as_uint(__uint_as_float(sum.word[q]) + partial[q]);
            }
            sums[i] = sum;
        }
    }

    if (thread < Queries * kWeightLanes && thread % kWeightLanes == 0) {
        totals[thread / kWeightLanes] = total;
    }
    __syncthreads();
    for (int i = thread; i < a.at.head_length; i += kPagePositions) {
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            if (q < unit.count) {
                a.result[unit.query_start(a, q) + i] = __fdiv_rn(__uint_as_float(sums[i].word[q]), totals[q]);
            }
        }
    }
}

// The scores of one page of a unit, and their greatest.
template <int Queries>
static __device__ __forceinline__ void score_page(const AttentionArguments& a) {
    INTERFUSE_DYNAMIC_SHARED(Words<Queries>, queries);
    const AttentionUnit<Queries> unit(a, blockIdx.x / a.pages);
    const int64_t page = blockIdx.x % a.pages;
    if (page >= unit.page_count) {
        return;
    }
    load_queries<Queries>(a, unit, queries);
    __syncthreads();

    float scores[Queries];
    score_position<Queries>(a, unit, page, queries, scores);
    const int64_t place = static_cast<int64_t>(blockIdx.x) * kPagePositions + threadIdx.x;
    Words<Queries> words;
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        words.word[q] = __float_as_uint(scores[q]);
    }
    store_words<Queries>(a.scores, place, words);
    reduce_greatest<Queries>(scores);
    if (threadIdx.x == 0) {
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            a.greatest[static_cast<int64_t>(blockIdx.x) * Queries + q] = scores[q];
        }
    }
}

// The sums of one page of a unit.
template <int Queries>
static __device__ __forceinline__ void sum_page(const AttentionArguments& a) {
    const AttentionUnit<Queries> unit(a, blockIdx.x / a.pages);
    const int64_t page = blockIdx.x % a.pages;
    if (page >= unit.page_count) {
        return;
    }
    float greatest[Queries];
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        greatest[q] = __uint_as_float(0xFF800000u);
        for (int64_t other = threadIdx.x; other < unit.page_count; other += kPagePositions) {
            greatest[q] = greater_or_nan(greatest[q], a.greatest[(unit.number * a.pages + other) * Queries + q]);
        }
    }
    reduce_greatest<Queries>(greatest);

    __shared__ Words<Queries> weights[kPagePositions];
    const Words<Queries> words =
        load_words<Queries>(a.scores, static_cast<int64_t>(blockIdx.x) * kPagePositions + threadIdx.x);
    float scores[Queries];
#pragma unroll
    for (int q = 0; q < Queries; ++q) {
        scores[q] = __uint_as_float(words.word[q]);
    }
    weights[threadIdx.x] = weigh_position<Queries>(unit.sees(page), scores, greatest);
    __syncthreads();

    const int thread = static_cast<int>(threadIdx.x);
    if (thread < (Queries * kWeightLanes + 31) / 32 * 32) {
        const float total = sum_weights<Queries>(weights);
        if (thread < Queries * kWeightLanes && thread % kWeightLanes == 0) {
            a.totals[static_cast<int64_t>(blockIdx.x) * Queries + thread / kWeightLanes] = total;
        }
    }
    const float* values = page_of(a.at, unit.token, unit.first_page + page, unit.head) + values_behind_keys(a.at);
    for (int i = thread; i < a.at.head_length; i += kPagePositions) {
        float sums[Queries];
        weigh_values<Queries>(a, values + i, weights, unit.low(page), unit.high(page), sums);
#pragma unroll
        for (int q = 0; q < Queries; ++q) {
            a.sums[(static_cast<int64_t>(blockIdx.x) * Queries + q) * a.at.head_length + i] = sums[q];
        }
    }
}

// The pages' sums of a unit, added in order.
template <int Queries>
static __device__ __forceinline__ void combine_pages(const AttentionArguments& a) {
    const AttentionUnit<Queries> unit(a, blockIdx.x / Queries);
    const int q = static_cast<int>(blockIdx.x % Queries);
    if (q >= unit.count) {
        return;
    }
    for (int i = static_cast<int>(threadIdx.x); i < a.at.head_length; i += kPagePositions) {
        float total = 0.0f;
        float sum = 0.0f;
#pragma unroll 4
        for (int64_t page = 0; page < unit.page_count; ++page) {
            const int64_t place = (unit.number * a.pages + page) * Queries + q;
            total += a.totals[place];
            sum += a.sums[place * a.at.head_length + i];
        }
        a.result[unit.query_start(a, q) + i] = __fdiv_rn(sum, total);
    }
}

// A block stores 32 elements of 32 tokens' keys and values of a head. Keys are turned on the way: in memory elements are
// neighbours before, and positions after.
static __device__ __forceinline__ void store_key_values(const StoreKeyValuesArguments& a) {
    __shared__ float tile[kStoreTile][kStoreTile + 1];
    const TokenPages& at = a.at;
    const int element_tiles = (at.head_length + kStoreTile - 1) / kStoreTile;
    const int first = static_cast<int>(blockIdx.x % element_tiles) * kStoreTile;
    const int head = static_cast<int>(blockIdx.x / element_tiles % at.heads);
    const int64_t first_token = static_cast<int64_t>(blockIdx.x / element_tiles / at.heads) * kStoreTile;
    const int lane = static_cast<int>(threadIdx.x) % kStoreTile;
    const int row = static_cast<int>(threadIdx.x) / kStoreTile;
    constexpr int kRowsAtOnce = kStoreThreads / kStoreTile;

#pragma unroll
    for (int t = row; t < kStoreTile; t += kRowsAtOnce) {
        const int64_t token = first_token + t;
        const int i = first + lane;
        if (token < a.tokens && i < at.head_length) {
            const int64_t source = (token * at.heads + head) * at.head_length + i;
            const int32_t position = at.positions[token];
            tile[t][lane] = a.keys[source];
            page_of(at, token, position / kPagePositions, head)
                [values_behind_keys(at) + static_cast<int64_t>(position % kPagePositions) * at.head_length + i] =
                    a.values[source];
        }
    }
    __syncthreads();

    const int64_t token = first_token + lane;
    if (token < a.tokens) {
        const int32_t position = at.positions[token];
        float* keys = page_of(at, token, position / kPagePositions, head) + position % kPagePositions;
#pragma unroll
        for (int i = row; i < kStoreTile; i += kRowsAtOnce) {
            if (first + i < at.head_length) {
                keys[static_cast<int64_t>(first + i) * kPagePositions] = tile[lane][i];
            }
        }
    }
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kStoreThreads) interfuse_store_key_values(
    const interfuse::StoreKeyValuesArguments a) {
    interfuse::store_key_values(a);
}
INTERFUSE_KERNEL(interfuse_store_key_values)

#define INTERFUSE_ATTENTION(queries)                                                                                   \
    extern "C" __global__ void __launch_bounds__(interfuse::kPagePositions) interfuse_attention_##queries(             \
        const interfuse::AttentionArguments a) {                                                                       \
        interfuse::attend<queries>(a);                                                                                 \
    }                                                                                                                  \
    INTERFUSE_KERNEL(interfuse_attention_##queries)                                                                    \
    extern "C" __global__ void __launch_bounds__(interfuse::kPagePositions) interfuse_attention_scores_##queries(      \
        const interfuse::AttentionArguments a) {                                                                       \
        interfuse::score_page<queries>(a);                                                                             \
    }                                                                                                                  \
    INTERFUSE_KERNEL(interfuse_attention_scores_##queries)                                                             \
    extern "C" __global__ void __launch_bounds__(interfuse::kPagePositions) interfuse_attention_pages_##queries(       \
        const interfuse::AttentionArguments a) {                                                                       \
        interfuse::sum_page<queries>(a);                                                                               \
    }                                                                                                                  \
    INTERFUSE_KERNEL(interfuse_attention_pages_##queries)                                                              \
    extern "C" __global__ void __launch_bounds__(interfuse::kPagePositions) interfuse_attention_combine_##queries(     \
        const interfuse::AttentionArguments a) {                                                                       \
        interfuse::combine_pages<queries>(a);                                                                          \
    }                                                                                                                  \
    INTERFUSE_KERNEL(interfuse_attention_combine_##queries)

INTERFUSE_ATTENTION(1)
INTERFUSE_ATTENTION(2)
INTERFUSE_ATTENTION(4)
