// Rows of a sparse bank, and their products with vectors. A row is the dense matrix's with an expert's values put at
// their places. For products a warp makes it a stretch at a time in shared memory: the dense elements, then the values
// that fall there, then each thread takes the elements of its own lanes.
#include "product_batch.cuh"

namespace interfuse {

static __device__ __forceinline__ int64_t sparse_place(const SparseSource& a, int64_t value) {
    return a.wide_places != 0 ? static_cast<const int32_t*>(a.places)[value]
                              : static_cast<const uint16_t*>(a.places)[value];
}

template <typename Unit>
static __device__ __forceinline__ void copy_units(const void* source, void* destination, int64_t bytes) {
    const Unit* from = static_cast<const Unit*>(source);
    Unit* to = static_cast<Unit*>(destination);
    for (int64_t i = threadIdx.x; i < bytes / static_cast<int64_t>(sizeof(Unit)); i += blockDim.x) {
        to[i] = from[i];
    }
}

template <typename Element>
static __device__ __forceinline__ void put_elements(
    const SparseSource& a, int64_t first, int64_t end, void* destination) {
    for (int64_t value = first + threadIdx.x; value < end; value += blockDim.x) {
        static_cast<Element*>(destination)[sparse_place(a, value)] = static_cast<const Element*>(a.values)[value];
    }
}

// A block makes a row: it copies the dense one by the widest units that both ends allow, then puts the values.
static __device__ __forceinline__ void make_sparse_row(
    const SparseSource& a, int64_t place, int64_t request, void* destination) {
    const int64_t bytes = a.columns * a.element;
    const int64_t row = place < 0 ? ~place : place % a.channels;
    const void* from = static_cast<const char*>(a.dense) + row * bytes;
    void* to = static_cast<char*>(destination) + request * bytes;
    const uint64_t ends = reinterpret_cast<uintptr_t>(from) | reinterpret_cast<uintptr_t>(to) | static_cast<uint64_t>(bytes);
    if (ends % 16 == 0) {
        copy_units<uint4>(from, to, bytes);
    } else if (ends % 8 == 0) {
        copy_units<uint64_t>(from, to, bytes);
    } else if (ends % 4 == 0) {
        copy_units<uint32_t>(from, to, bytes);
    } else if (ends % 2 == 0) {
        copy_units<uint16_t>(from, to, bytes);
    } else {
        copy_units<uint8_t>(from, to, bytes);
    }
    if (place < 0) {
        return;
    }
    __syncthreads();
    const int64_t first = a.starts[place];
    const int64_t end = a.starts[place + 1];
    switch (a.element) {
    case 1:
        put_elements<uint8_t>(a, first, end, to);
        break;
    case 2:
        put_elements<uint16_t>(a, first, end, to);
        break;
    case 4:
        put_elements<uint32_t>(a, first, end, to);
        break;
    default:
        put_elements<uint64_t>(a, first, end, to);
        break;
    }
}

// Steps of 256 elements of a row as float32. A thread's eight of a step are two runs of four 128 apart, so that threads
// that access theirs at once do so in different banks.
template <int Steps>
struct SparseStretch {
    static constexpr int kColumns = Steps * kFusedLanes;

    Words<4> quads[kColumns / 4];

    __device__ __forceinline__ void store(int step, const float (&values)[8]) {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            Words<4> words;
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                words.word[k] = __float_as_uint(values[half * 4 + k]);
            }
            quads[step * 64 + half * 32 + lane] = words;
        }
    }

    __device__ __forceinline__ void load(int step, float (&values)[8]) const {
        const int lane = threadIdx.x % 32;
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const Words<4> words = quads[step * 64 + half * 32 + lane];
#pragma unroll
            for (int k = 0; k < 4; ++k) {
                values[half * 4 + k] = __uint_as_float(words.word[k]);
            }
        }
    }

    __device__ __forceinline__ void put(int element, float value) {
        const int quad = element / kFusedLanes * 64 + element / 4 % 2 * 32 + element % kFusedLanes / 8;
        quads[quad].word[element % 4] = __float_as_uint(value);
    }
};

// Which of an expert's values for a row are still to come.
struct SparseCursor {
    int64_t next;
    int64_t end;

    // Puts those that fall into the columns from `start` on, and moves on. All threads of a warp together.
    template <int Steps>
    __device__ __forceinline__ void put(const SparseSource& a, int64_t start, SparseStretch<Steps>& stretch) {
        int count = 32;
        while (count == 32) {
            const int64_t value = next + threadIdx.x % 32;
            const int64_t stop = start + SparseStretch<Steps>::kColumns;
            const int64_t place = value < end ? sparse_place(a, value) : stop;
            if (place < stop) {
                stretch.put(static_cast<int>(place - start), load_element(a.values, a.element, value));
            }
            count = __popc(__ballot_sync(kMultiplyWarp, place < stop));
            next += count;
        }
    }
};

// A lane's eight elements of a dense row, zeros where there are none.
template <bool Aligned>
static __device__ __forceinline__ void load_dense(
    const SparseSource& a, int64_t row, int64_t column, float (&values)[8]) {
    if (Aligned) {
        if (column < a.columns) {
            load_elements<8>(a.dense, a.element, row * a.columns + column, values);
            return;
        }
    }
#pragma unroll
    for (int k = 0; k < 8; ++k) {
        values[k] = column + k < a.columns ? load_element(a.dense, a.element, row * a.columns + column + k) : 0.0f;
    }
}

template <int Members, int Steps, bool Aligned>
static __device__ __forceinline__ void multiply_sparse_row(
    const SparseMultiplyArguments& a, const ProductTile<Members, kSparseChannels>& tile, SparseStretch<Steps>& stretch,
    float (&sums)[kSparseChannels][Members][8]) {
    const SparseSource& source = a.source;
    SparseCursor cursors[Members];
#pragma unroll
    for (int b = 0; b < Members; ++b) {
        const int64_t place = tile.experts[b] * source.channels + tile.channel;
        const bool has_own = tile.experts[b] >= 0;
        cursors[b].next = has_own ? source.starts[place] : 0;
        cursors[b].end = has_own ? source.starts[place + 1] : 0;
    }
#pragma unroll 1
    for (int64_t start = 0; start < source.columns; start += SparseStretch<Steps>::kColumns) {
        const int64_t column = start + threadIdx.x % 32 * 8;
        float dense[Steps][8];
#pragma unroll
        for (int step = 0; step < Steps; ++step) {
            load_dense<Aligned>(source, tile.channel, column + step * kFusedLanes, dense[step]);
        }
        float w[Steps][8];
#pragma unroll
        for (int b = 0; b < Members; ++b) {
            if (!tile.is_repeated(b)) {
                // What a thread stores here only it has read.
#pragma unroll
                for (int step = 0; step < Steps; ++step) {
                    stretch.store(step, dense[step]);
                }
                __syncwarp();
                cursors[b].put(source, start, stretch);
                __syncwarp();
#pragma unroll
                for (int step = 0; step < Steps; ++step) {
                    stretch.load(step, w[step]);
                }
            }
#pragma unroll
            for (int step = 0; step < Steps; ++step) {
                const int64_t own = column + step * kFusedLanes;
                if (own < source.columns) {
                    float x[8];
                    load_vector<Aligned>(a.products, tile.starts[b], own, source.columns, x);
                    add_own_products<Aligned>(w[step], x, own, source.columns, sums[0][b]);
                }
            }
        }
    }
}

template <int Members, int Steps>
static __device__ __forceinline__ void multiply_sparse(const SparseMultiplyArguments& a) {
    __shared__ SparseStretch<Steps> stretches[kBankWarps];

    const ProductTile<Members, kSparseChannels> tile(a.products, a.source.columns);
    if (tile.channel >= a.source.channels || tile.member >= a.products.batch) {
        return;
    }

    float sums[kSparseChannels][Members][8];
#pragma unroll
    for (int b = 0; b < Members; ++b) {
#pragma unroll
        for (int k = 0; k < 8; ++k) {
            sums[0][b][k] = 0.0f;
        }
    }
    SparseStretch<Steps>& stretch = stretches[threadIdx.x / 32];
    if (a.products.aligned != 0) {
        multiply_sparse_row<Members, Steps, true>(a, tile, stretch, sums);
    } else {
        multiply_sparse_row<Members, Steps, false>(a, tile, stretch, sums);
    }
    __syncwarp();
    tile.store(a.products, a.source.channels, sums);
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(256) interfuse_sparse_rows(const interfuse::SparseRowsArguments a) {
    const int64_t request = blockIdx.x;
    const int64_t first = a.rows.first_place;
    interfuse::make_sparse_row(a.source, first < 0 ? first - request : first + request, request, a.rows.destination);
}
INTERFUSE_KERNEL(interfuse_sparse_rows)

extern "C" __global__ void __launch_bounds__(256) interfuse_sparse_batch(const interfuse::SparseBatchArguments a) {
    interfuse::make_sparse_row(a.source, a.rows.places[blockIdx.x], blockIdx.x, a.rows.destination);
}
INTERFUSE_KERNEL(interfuse_sparse_batch)

extern "C" __global__ void __launch_bounds__(128) interfuse_sparse_multiply_1(
    const interfuse::SparseMultiplyArguments a) {
    interfuse::multiply_sparse<1, 4>(a);
}
INTERFUSE_KERNEL(interfuse_sparse_multiply_1)

extern "C" __global__ void __launch_bounds__(128) interfuse_sparse_multiply_2(
    const interfuse::SparseMultiplyArguments a) {
    interfuse::multiply_sparse<2, 2>(a);
}
INTERFUSE_KERNEL(interfuse_sparse_multiply_2)

extern "C" __global__ void __launch_bounds__(128) interfuse_sparse_multiply_4(
    const interfuse::SparseMultiplyArguments a) {
    interfuse::multiply_sparse<4, 2>(a);
}
INTERFUSE_KERNEL(interfuse_sparse_multiply_4)
