// Sets of experts, bit e for expert e, and the warp that works on them.
#pragma once

#include "simt.cuh"

#include <stdint.h>

namespace interfuse {

constexpr unsigned kFullWarp = 0xFFFFFFFFu;

static __device__ __forceinline__ int lowest_expert(uint32_t set) {
    return __ffs(static_cast<int>(set)) - 1;
}

}  // namespace interfuse
