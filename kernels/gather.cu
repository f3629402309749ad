// Rows out of a bank: those of one expert that follow one another, or those that a batch asks for. Bytes are moved as
// they
// are, in the largest unit (16 bytes for every ordinary model) that divides addresses and row length.
#include "gather_arguments.h"
#include "simt.cuh"

namespace interfuse {

// A warp copies a piece of a row: four units a lane, all loaded before the first is stored.
constexpr int kUnitsPerLane = kUnitsPerPiece / 32;

template <class Unit>
static __device__ __forceinline__ void copy_piece(const void* source, void* destination, int64_t units, int64_t piece) {
    const Unit* from = static_cast<const Unit*>(source);
    Unit* to = static_cast<Unit*>(destination);
    const int64_t first = piece * kUnitsPerPiece + threadIdx.x % 32;
    Unit values[kUnitsPerLane];
#pragma unroll
    for (int k = 0; k < kUnitsPerLane; ++k) {
        if (first + 32 * k < units) {
            values[k] = from[first + 32 * k];
        }
    }
#pragma unroll
    for (int k = 0; k < kUnitsPerLane; ++k) {
        if (first + 32 * k < units) {
            to[first + 32 * k] = values[k];
        }
    }
}

static __device__ __forceinline__ void copy_row_piece(
    const void* rows, int32_t row, void* destination, int64_t request, int64_t row_bytes, int32_t unit, int64_t piece) {
    const void* from = static_cast<const char*>(rows) + row * row_bytes;
    void* to = static_cast<char*>(destination) + request * row_bytes;
    switch (unit) {
    case 16:
        copy_piece<uint4>(from, to, row_bytes / 16, piece);
        break;
    case 8:
        copy_piece<uint64_t>(from, to, row_bytes / 8, piece);
        break;
    case 4:
        copy_piece<uint32_t>(from, to, row_bytes / 4, piece);
        break;
    case 2:
        copy_piece<uint16_t>(from, to, row_bytes / 2, piece);
        break;
    default:
        copy_piece<uint8_t>(from, to, row_bytes, piece);
        break;
    }
}

static __device__ __forceinline__ int64_t warp_of_grid() {
    return (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(256) interfuse_gather(const interfuse::GatherArguments a) {
    const int64_t warp = interfuse::warp_of_grid();
    const int64_t request = warp / a.pieces_per_row;
    if (request < a.count) {
        interfuse::copy_row_piece(
            a.rows, a.index[request], a.destination, request, a.row_bytes, a.unit, warp % a.pieces_per_row);
    }
}
INTERFUSE_KERNEL(interfuse_gather)

extern "C" __global__ void __launch_bounds__(256) interfuse_gather_batch(const interfuse::GatherBatchArguments a) {
    const int64_t warp = interfuse::warp_of_grid();
    const int64_t request = warp / a.pieces_per_row;
    if (request < a.count) {
        interfuse::copy_row_piece(
            a.rows, a.index[a.places[request]], a.destination, request, a.row_bytes, a.unit, warp % a.pieces_per_row);
    }
}
INTERFUSE_KERNEL(interfuse_gather_batch)
