// y[t, i] = W[index[i]] x_t: many vectors by the matrix of one expert. A block has a tile of rows by vectors, and each
// thread some of both: it keeps their sums in registers, so that every sum is one chain of fused steps in the order of
// the elements. Stretches of the rows and vectors pass through shared memory, widened and turned so that neighbours
// there are different rows; while one is multiplied, the next is on its way.
#include "elements.cuh"
#include "matmul_arguments.h"

namespace interfuse {

// Eight elements of a row or vector on their way to shared memory: as they lie in memory where 16-bit elements are
// aligned, else as float32.
struct MatMulRun {
    Words<4> part[2];

    // What lies beyond the end is -0 in rows and +0 in vectors: their product changes no sum, not even one of -0.
    __device__ __forceinline__ void load(
        const void* origin, int32_t dtype, bool aligned, int64_t row, int64_t column, int64_t columns, uint32_t beyond) {
        const int64_t index = row * columns + column;
        if (aligned && column < columns) {
            if (is_16_bit(dtype)) {
                part[0] = load_words<4>(origin, index / 8);
            } else {
                float values[8];
                load_elements<8>(origin, dtype, index, values);
                keep(values);
            }
        } else if (aligned && is_16_bit(dtype)) {
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                part[0].word[k] = beyond | beyond >> 16;
            }
        } else {
            float values[8];
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                values[k] = column + k < columns ? load_element(origin, dtype, index + k) : __uint_as_float(beyond);
            }
            keep(values);
        }
    }

    __device__ __forceinline__ void widen(int32_t dtype, bool aligned, float (&values)[8]) const {
        if (aligned && is_16_bit(dtype)) {
            widen_packed<8>(part[0], dtype, values);
        } else {
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                values[k] = __uint_as_float(part[k / 4].word[k % 4]);
            }
        }
    }

private:
    __device__ __forceinline__ void keep(const float (&values)[8]) {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            part[k / 4].word[k % 4] = __float_as_uint(values[k]);
        }
    }
};

// Depth elements of Width rows or vectors, [Depth, Width]. Places are exchanged by the run of eight that an element is
// of, so that threads that store different runs at once do so in different banks.
template <int Width, int Depth>
struct MatMulStretch {
    static constexpr int kRuns = Depth / 8;

    Words<4> quads[Depth][Width / 4];

    static __device__ __forceinline__ int place(int run, int at) {
        return at ^ (run * (32 / kRuns) & (Width - 1));
    }

    __device__ __forceinline__ void store(int run, int at, const float (&values)[8]) {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            reinterpret_cast<float*>(quads[run * 8 + k])[place(run, at)] = values[k];
        }
    }

    // The elements with this number of Count rows or vectors, of which a lane has groups of four, evenly spread.
    template <int Count>
    __device__ __forceinline__ void load(int element, int lane, float (&values)[Count]) const {
        constexpr int kGroup = Count < 4 ? Count : 4;
#pragma unroll
        for (int k = 0; k < Count; k += kGroup) {
            const int at = place(element / 8, first<Count>(k, lane));
            const Words<kGroup> words = load_words<kGroup>(quads[element], at / kGroup);
#pragma unroll
            for (int g = 0; g < kGroup; ++g) {
                values[k + g] = __uint_as_float(words.word[g]);
            }
        }
    }

    // Which row or vector of the tile a lane's number k is.
    template <int Count>
    static __device__ __forceinline__ int first(int k, int lane) {
        constexpr int kGroup = Count < 4 ? Count : 4;
        return k / kGroup * (Width * kGroup / Count) + lane * kGroup + k % kGroup;
    }
};

// A tile of Rows by Vectors, of which each thread has PerRow by PerVector.
template <int Rows, int Vectors, int PerRow, int PerVector, int Depth>
static __device__ __forceinline__ void multiply_matrix(const MatMulArguments& a) {
    constexpr int kRuns = Depth / 8;
    constexpr int kAcross = Rows / PerRow;
    static_assert(Rows * kRuns == kAcross * (Vectors / PerVector), "each thread loads one run of a row");
    static_assert(Vectors <= Rows, "and at most one of a vector");

    __shared__ MatMulStretch<Rows, Depth> weights[2];
    __shared__ MatMulStretch<Vectors, Depth> x[2];

    const int64_t vector_tiles = (a.vectors + Vectors - 1) / Vectors;
    const int64_t first_row = blockIdx.x / vector_tiles * Rows;
    const int64_t first_vector = blockIdx.x % vector_tiles * Vectors;
    const int thread = static_cast<int>(threadIdx.x);
    const int at = thread / kRuns;
    const int run = thread % kRuns;
    const bool has_vector = at < Vectors;
    const bool aligned = a.aligned != 0;
    // Beyond the last row and vector there is the last one, whose products are not stored.
    const int64_t channel = first_row + at < a.channels ? first_row + at : a.channels - 1;
    const int64_t row = a.index != nullptr ? a.index[channel] : channel;
    const int64_t vector = first_vector + at < a.vectors ? first_vector + at : a.vectors - 1;
    const int row_lane = thread % kAcross;
    const int vector_lane = thread / kAcross;

    float sums[PerRow][PerVector];
#pragma unroll
    for (int i = 0; i < PerRow; ++i) {
#pragma unroll
        for (int j = 0; j < PerVector; ++j) {
            sums[i][j] = 0.0f;
        }
    }

    MatMulRun weight_run;
    MatMulRun x_run;
    int buffer = 0;
    // Turn by turn a stretch is asked for, the one before it multiplied, and what was asked for stored.
    for (int64_t start = -Depth; start < a.columns; start += Depth) {
        const int64_t next = start + Depth;
        if (next < a.columns) {
            weight_run.load(a.rows, a.rows_dtype, aligned, row, next + run * 8, a.columns, 0x80000000u);
            if (has_vector) {
                x_run.load(a.x, kFloat32, aligned, vector, next + run * 8, a.columns, 0u);
            }
        }
        if (start >= 0) {
            // A run at a time: all at once, the registers of two blocks on a multiprocessor do not suffice.
#pragma unroll 8
            for (int k = 0; k < Depth; ++k) {
                float w[PerRow];
                float v[PerVector];
                weights[buffer].template load<PerRow>(k, row_lane, w);
                x[buffer].template load<PerVector>(k, vector_lane, v);
#pragma unroll
                for (int i = 0; i < PerRow; ++i) {
#pragma unroll
                    for (int j = 0; j < PerVector; ++j) {
                        sums[i][j] = __fmaf_rn(w[i], v[j], sums[i][j]);
                    }
                }
            }
            buffer ^= 1;
        }
        if (next < a.columns) {
            float values[8];
            weight_run.widen(a.rows_dtype, aligned, values);
            weights[buffer].store(run, at, values);
            if (has_vector) {
                x_run.widen(kFloat32, aligned, values);
                x[buffer].store(run, at, values);
            }
        }
        __syncthreads();
    }

#pragma unroll
    for (int j = 0; j < PerVector; ++j) {
        const int64_t t = first_vector + MatMulStretch<Vectors, Depth>::template first<PerVector>(j, vector_lane);
#pragma unroll
        for (int i = 0; i < PerRow; ++i) {
            const int64_t own = first_row + MatMulStretch<Rows, Depth>::template first<PerRow>(i, row_lane);
            if (t < a.vectors && own < a.channels) {
                a.y[t * a.y_stride + own] = sums[i][j];
            }
        }
    }
}

}  // namespace interfuse

// For up to 16 vectors.
extern "C" __global__ void __launch_bounds__(128) interfuse_matmul_16(const interfuse::MatMulArguments a) {
    interfuse::multiply_matrix<32, 16, 2, 2, 32>(a);
}
INTERFUSE_KERNEL(interfuse_matmul_16)

extern "C" __global__ void __launch_bounds__(128) interfuse_matmul_64(const interfuse::MatMulArguments a) {
    interfuse::multiply_matrix<64, 64, 8, 4, 16>(a);
}
INTERFUSE_KERNEL(interfuse_matmul_64)

// Where there are tiles enough to keep every multiprocessor busy.
extern "C" __global__ void __launch_bounds__(256, 2) interfuse_matmul_128(const interfuse::MatMulArguments a) {
    interfuse::multiply_matrix<128, 128, 8, 8, 16>(a);
}
INTERFUSE_KERNEL(interfuse_matmul_128)
