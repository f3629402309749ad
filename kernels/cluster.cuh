// What the kernels over experts' channels share: rows read eight elements at a time.
#pragma once

#include "cluster_arguments.h"
#include "elements.cuh"
#include "expert_set.cuh"

namespace interfuse {

static_assert(kMaxClusteredExperts == kMaxExperts);

// Eight consecutive elements of a row, asked for first (fetch) and used later (take), so that several rows' are on
// their
// way at once. Only 16-bit elements are really asked for early: they are the ones models are stored in.
struct RowReader {
    const void* origin;
    int32_t dtype;
    bool early;

    __device__ __forceinline__ RowReader(const void* origin, int32_t dtype, int32_t aligned)
        : origin(origin), dtype(dtype), early(aligned != 0 && is_16_bit(dtype)) {}

    __device__ __forceinline__ void fetch(int64_t index, int64_t available, Packed<8>& packed) const {
        if (early && available > 0) {
            packed = load_packed<8>(origin, index);
        }
    }

    // Beyond the row's end there are zeros.
    __device__ __forceinline__ void take(
        int64_t index, int64_t available, int32_t aligned, const Packed<8>& packed, float (&values)[8]) const {
        if (available >= 8 && early) {
            widen_packed<8>(packed, dtype, values);
        } else if (available >= 8 && aligned != 0) {
            load_elements<8>(origin, dtype, index, values);
        } else {
#pragma unroll
            for (int k = 0; k < 8; ++k) {
                values[k] = k < available ? load_element(origin, dtype, index + k) : 0.0f;
            }
        }
    }
};

static __device__ __forceinline__ RowReader base_reader(const ExpertMatrices& m) {
    return RowReader(m.base, m.base_dtype, m.aligned);
}

static __device__ __forceinline__ RowReader expert_reader(const ExpertMatrices& m, int expert) {
    return RowReader(m.experts[expert], m.expert_dtypes[expert], m.aligned);
}

}  // namespace interfuse
