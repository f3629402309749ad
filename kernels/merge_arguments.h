// What the merge kernels are launched with; plain structs, for the kernels' tests too.
#pragma once

#include <stdint.h>

namespace interfuse {

// Inputs besides the base that one operation takes.
constexpr int kMaxExperts = 16;

constexpr int32_t kFloat32 = 0;
constexpr int32_t kBFloat16 = 1;
constexpr int32_t kFloat16 = 2;
constexpr int32_t kFloat64 = 3;

struct ConvertArguments {
    const void* source;
    void* destination;
    int64_t length;
    unsigned long long* non_finite;
    int32_t source_dtype;
    int32_t destination_dtype;
    // Whether source and destination begin at multiples of 16 bytes.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(ConvertArguments) == 48, "Mirrored by ConvertArguments in C#.");

struct LinearCombinationArguments {
    const void* inputs[kMaxExperts];
    void* destination;
    int64_t length;
    unsigned long long* non_finite;
    float weights[kMaxExperts];
    int32_t dtypes[kMaxExperts];
    int32_t count;
    int32_t destination_dtype;
    // Whether inputs and destination begin at multiples of 16 bytes.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(LinearCombinationArguments) == 296, "Mirrored by LinearCombinationArguments in C#.");

// Which of trimming, drop and a scale other than 1 a task term has.
constexpr int32_t kTrims = 1;
constexpr int32_t kDrops = 2;
constexpr int32_t kRescales = 4;

struct TaskTerm {
    const void* expert;
    // Trimming keeps magnitude bits above `threshold_bits`, and equal ones at elements before this one, counted from
    // the first element of the launch. 0 without trimming.
    int64_t tie_end;
    uint64_t seed;
    uint64_t stream;
    float weight;
    float scale;
    uint32_t threshold_bits;
    // Random drop keeps elements whose number is below this, which is less than 2^16.
    uint32_t keep_below;
    int32_t dtype;
    int32_t flags;
};
static_assert(sizeof(TaskTerm) == 56, "Mirrored by TaskTermArguments in C#.");

struct TaskVectorArguments {
    const void* base;
    void* destination;
    int64_t length;
    unsigned long long* non_finite;
    // Of this the expert, its type and how it is trimmed.
    TaskTerm term;
    int32_t base_dtype;
    int32_t destination_dtype;
    // Whether all tensors begin at multiples of 16 bytes and the threshold is finite.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(TaskVectorArguments) == 104, "Mirrored by TaskVectorArguments in C#.");

struct MergeArguments {
    const void* base;
    void* destination;
    int64_t length;
    // The flat index in the tensor of the first element, a multiple of 8.
    int64_t first_element;
    unsigned long long* non_finite;
    // Zeros from `count` on.
    TaskTerm terms[kMaxExperts];
    int32_t count;
    int32_t base_dtype;
    int32_t destination_dtype;
    // Whether all tensors begin at multiples of 16 bytes and all thresholds are finite.
    int32_t vectorized;
    float lambda;
    // What the sum of task vectors is divided by; 1 divides nothing.
    float divisor;
    // For the election: whether the sum is divided by the weights that agree.
    int32_t normalize;
    // For the election: a sum of no larger magnitude elects nobody. 0, or -1 where zero elects plus.
    float undecided;
};
static_assert(sizeof(MergeArguments) == 968, "Mirrored by MergeArguments in C#.");

struct ConflictArguments {
    const void* base;
    int64_t length;
    // Two for each pair of experts, and two for all of them; added to.
    unsigned long long* counts;
    // Of these the experts, their types and how they are trimmed.
    TaskTerm terms[kMaxExperts];
    int32_t count;
    int32_t base_dtype;
};
static_assert(sizeof(ConflictArguments) == 928, "Mirrored by ConflictArguments in C#.");

// One block of threads sums one tile.
struct DotArguments {
    const void* a;
    const void* b;
    int64_t length;
    // Three float64 for each tile: the sums of a * a, b * b and a * b.
    double* tiles;
    int32_t a_dtype;
    int32_t b_dtype;
    // Whether both tensors begin at multiples of 16 bytes.
    int32_t vectorized;
    int32_t reserved;
};
static_assert(sizeof(DotArguments) == 48, "Mirrored by DotArguments in C#.");

struct MagnitudeSumsArguments {
    const void* base;
    int64_t length;
    int64_t first_element;
    // Two float64 for each tile: the sums of all magnitudes and of what is kept, rescaled.
    double* tiles;
    TaskTerm term;
    int32_t base_dtype;
    // Whether both tensors begin at multiples of 16 bytes and the threshold is finite.
    int32_t vectorized;
};
static_assert(sizeof(MagnitudeSumsArguments) == 96, "Mirrored by MagnitudeSumsArguments in C#.");

}  // namespace interfuse
