// Sums over elements in float64 and in the one order that all devices keep: element i of a block of 1024 adds into lane
// i % 16, the lanes combine as a tree, and a tile's sum takes its blocks' in order.
//
// A pair of threads has a block of elements, each thread 8 of the lanes, so that it reads 16 bytes of a 16-bit type at
// once; 64 pairs, one block of threads, have a tile.
#include "task_terms.cuh"

namespace interfuse {

constexpr int kLanes = 16;
constexpr int kBlockLength = 1024;
constexpr int kBlocksPerTile = 64;
constexpr int64_t kTileLength = kBlocksPerTile * kBlockLength;
constexpr int kReduceThreads = 2 * kBlocksPerTile;

// Rows of 16 elements whose loads are on their way at once.
constexpr int kRows = 4;

// The sums of a step's products. Those of float32 values are exact in float64, so that a fused addition rounds as a
// separate one does.
struct Dot {
    static constexpr int kSums = 3;

    static __device__ __forceinline__ const void* first(const DotArguments& a) {
        return a.a;
    }

    static __device__ __forceinline__ const void* second(const DotArguments& a) {
        return a.b;
    }

    static __device__ __forceinline__ int32_t first_dtype(const DotArguments& a) {
        return a.a_dtype;
    }

    static __device__ __forceinline__ int32_t second_dtype(const DotArguments& a) {
        return a.b_dtype;
    }

    static __device__ __forceinline__ bool is_cut(const DotArguments&, int64_t) {
        return false;
    }

    static __device__ __forceinline__ void add(float x, float y, int k, double (&lanes)[kSums][kStep]) {
        const double a = x;
        const double b = y;
        lanes[0][k] = __fma_rn(a, a, lanes[0][k]);
        lanes[1][k] = __fma_rn(b, b, lanes[1][k]);
        lanes[2][k] = __fma_rn(a, b, lanes[2][k]);
    }

    static __device__ __forceinline__ void add_step(
        const DotArguments&, int64_t, const float (&x)[kStep], const float (&y)[kStep],
        double (&lanes)[kSums][kStep]) {
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            add(x[k], y[k], k, lanes);
        }
    }

    static __device__ __forceinline__ void add_single(
        const DotArguments&, int64_t, float x, float y, int k, double (&lanes)[kSums][kStep]) {
        add(x, y, k, lanes);
    }
};

// The sums of a step's magnitudes, of all and of what is kept.
struct MagnitudeSums {
    static constexpr int kSums = 2;

    static __device__ __forceinline__ const void* first(const MagnitudeSumsArguments& a) {
        return a.base;
    }

    static __device__ __forceinline__ const void* second(const MagnitudeSumsArguments& a) {
        return a.term.expert;
    }

    static __device__ __forceinline__ int32_t first_dtype(const MagnitudeSumsArguments& a) {
        return a.base_dtype;
    }

    static __device__ __forceinline__ int32_t second_dtype(const MagnitudeSumsArguments& a) {
        return a.term.dtype;
    }

    static __device__ __forceinline__ bool is_cut(const MagnitudeSumsArguments& a, int64_t index) {
        return interfuse::is_cut(a.term, index);
    }

    static __device__ __forceinline__ void add(double& lane, float value) {
        lane = lane + static_cast<double>(fabsf(value));
    }

    static __device__ __forceinline__ void add_step(
        const MagnitudeSumsArguments& a, int64_t index, const float (&base)[kStep], const float (&expert)[kStep],
        double (&lanes)[kSums][kStep]) {
        float deltas[kStep];
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            deltas[k] = expert[k] - base[k];
            add(lanes[0][k], deltas[k]);
        }
        thin_step(a.term, index, a.first_element, deltas);
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            add(lanes[1][k], deltas[k]);
        }
    }

    static __device__ __forceinline__ void add_single(
        const MagnitudeSumsArguments& a, int64_t index, float base, float expert, int k,
        double (&lanes)[kSums][kStep]) {
        const float delta = expert - base;
        add(lanes[0][k], delta);
        add(lanes[1][k], thin(a.term, index, a.first_element, delta));
    }
};

// Adds the rows from `index` on, kStep elements of each, that lie wholly within the tensors and are not cut.
template <int32_t Type, typename Sum, typename Arguments>
static __device__ __forceinline__ void add_rows(
    const Arguments& a, int64_t index, double (&lanes)[Sum::kSums][kStep]) {
    Loaded<Type> first[kRows];
    Loaded<Type> second[kRows];
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
        first[row].load(Sum::first(a), Sum::first_dtype(a), index + row * kLanes);
        second[row].load(Sum::second(a), Sum::second_dtype(a), index + row * kLanes);
    }
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
        float x[kStep];
        float y[kStep];
        first[row].widen(x);
        second[row].widen(y);
        Sum::add_step(a, index + row * kLanes, x, y, lanes);
    }
}

// The same for any rows, of which some may be beyond the end.
template <typename Sum, typename Arguments>
static __device__ __forceinline__ void add_singles(
    const Arguments& a, int64_t index, double (&lanes)[Sum::kSums][kStep]) {
#pragma unroll 1
    for (int row = 0; row < kRows; ++row) {
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            const int64_t i = index + row * kLanes + k;
            if (i < a.length) {
                const float x = load_element(Sum::first(a), Sum::first_dtype(a), i);
                const float y = load_element(Sum::second(a), Sum::second_dtype(a), i);
                Sum::add_single(a, i, x, y, k, lanes);
            }
        }
    }
}

template <typename Sum, typename Arguments>
static __device__ __forceinline__ bool is_any_row_cut(const Arguments& a, int64_t index) {
    bool is_any = false;
#pragma unroll
    for (int row = 0; row < kRows; ++row) {
        is_any |= Sum::is_cut(a, index + row * kLanes);
    }
    return is_any;
}

template <int32_t Type, typename Sum, typename Arguments>
static __device__ __forceinline__ void sum_tile(const Arguments& a) {
    const int block = static_cast<int>(threadIdx.x) / 2;
    const int half = static_cast<int>(threadIdx.x) % 2;
    const int64_t begin = static_cast<int64_t>(blockIdx.x) * kTileLength + block * kBlockLength + half * kStep;
    double lanes[Sum::kSums][kStep] = {};
#pragma unroll 1
    for (int64_t index = begin; index < begin + kBlockLength && index < a.length; index += kRows * kLanes) {
        const bool is_whole = index + (kRows - 1) * kLanes + kStep <= a.length;
        if (a.vectorized != 0 && is_whole && !is_any_row_cut<Sum>(a, index)) {
            add_rows<Type, Sum>(a, index, lanes);
        } else {
            add_singles<Sum>(a, index, lanes);
        }
    }

    // No sum is ever -0, so that the zeros of blocks beyond the end change nothing.
    __shared__ double blocks[kBlocksPerTile][Sum::kSums];
#pragma unroll
    for (int sum = 0; sum < Sum::kSums; ++sum) {
#pragma unroll
        for (int k = 0; k < kStep; ++k) {
            lanes[sum][k] = lanes[sum][k] + __shfl_xor_sync(0xFFFFFFFFu, lanes[sum][k], 1);
        }
#pragma unroll
        for (int distance = kStep / 2; distance > 0; distance /= 2) {
#pragma unroll
            for (int k = 0; k < distance; ++k) {
                lanes[sum][k] = lanes[sum][k] + lanes[sum][k + distance];
            }
        }
        if (half == 0) {
            blocks[block][sum] = lanes[sum][0];
        }
    }
    __syncthreads();

    if (threadIdx.x < Sum::kSums) {
        double total = 0.0;
        for (int i = 0; i < kBlocksPerTile; ++i) {
            total = total + blocks[i][threadIdx.x];
        }
        a.tiles[static_cast<int64_t>(blockIdx.x) * Sum::kSums + threadIdx.x] = total;
    }
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kReduceThreads) interfuse_dot_bf16(
    const interfuse::DotArguments a) {
    interfuse::sum_tile<interfuse::kBFloat16, interfuse::Dot>(a);
}
INTERFUSE_KERNEL(interfuse_dot_bf16)

extern "C" __global__ void __launch_bounds__(interfuse::kReduceThreads) interfuse_dot_f16(
    const interfuse::DotArguments a) {
    interfuse::sum_tile<interfuse::kFloat16, interfuse::Dot>(a);
}
INTERFUSE_KERNEL(interfuse_dot_f16)

extern "C" __global__ void __launch_bounds__(interfuse::kReduceThreads) interfuse_dot_mixed(
    const interfuse::DotArguments a) {
    interfuse::sum_tile<interfuse::kMixed, interfuse::Dot>(a);
}
INTERFUSE_KERNEL(interfuse_dot_mixed)

extern "C" __global__ void __launch_bounds__(interfuse::kReduceThreads) interfuse_magnitude_sums_bf16(
    const interfuse::MagnitudeSumsArguments a) {
    interfuse::sum_tile<interfuse::kBFloat16, interfuse::MagnitudeSums>(a);
}
INTERFUSE_KERNEL(interfuse_magnitude_sums_bf16)

extern "C" __global__ void __launch_bounds__(interfuse::kReduceThreads) interfuse_magnitude_sums_f16(
    const interfuse::MagnitudeSumsArguments a) {
    interfuse::sum_tile<interfuse::kFloat16, interfuse::MagnitudeSums>(a);
}
INTERFUSE_KERNEL(interfuse_magnitude_sums_f16)

extern "C" __global__ void __launch_bounds__(interfuse::kReduceThreads) interfuse_magnitude_sums_mixed(
    const interfuse::MagnitudeSumsArguments a) {
    interfuse::sum_tile<interfuse::kMixed, interfuse::MagnitudeSums>(a);
}
INTERFUSE_KERNEL(interfuse_magnitude_sums_mixed)
