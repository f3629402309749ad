// Random words by counter: Philox 4x32-7 (Salmon et al., SC 2011).
#pragma once

#include "simt.cuh"

#include <stdint.h>

namespace interfuse {

// Lower and upper half of a product. As 64-bit C++ it would cost nvcc 11.8 an addition of 0 more.
static __device__ __forceinline__ void multiply(uint32_t x, uint32_t y, uint32_t& low, uint32_t& high) {
#if defined(__CUDA_ARCH__)
    asm("{\n\t.reg .b64 product;\n\tmul.wide.u32 product, %2, %3;\n\tmov.b64 {%0, %1}, product;\n\t}"
        : "=r"(low), "=r"(high)
        : "r"(x), "r"(y));
#else
    const uint64_t product = static_cast<uint64_t>(x) * y;
    low = static_cast<uint32_t>(product);
    high = static_cast<uint32_t>(product >> 32);
#endif
}

struct RandomWords {
    uint32_t word[4];
};

// The words of elements 8 * block to 8 * block + 7 of a stream: the lower half of the first is the first one's number,
// the upper half the second one's.
static __device__ __forceinline__ RandomWords philox(uint64_t seed, uint64_t stream, uint64_t block) {
    uint32_t counter0 = static_cast<uint32_t>(block);
    uint32_t counter1 = static_cast<uint32_t>(block >> 32);
    uint32_t counter2 = static_cast<uint32_t>(stream);
    uint32_t counter3 = static_cast<uint32_t>(stream >> 32);
    uint32_t key0 = static_cast<uint32_t>(seed);
    uint32_t key1 = static_cast<uint32_t>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 7; ++round) {
        uint32_t low0, high0, low2, high2;
        multiply(counter0, 0xD2511F53u, low0, high0);
        multiply(counter2, 0xCD9E8D57u, low2, high2);
        counter0 = high2 ^ counter1 ^ key0;
        counter1 = low2;
        counter2 = high0 ^ counter3 ^ key1;
        counter3 = low0;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return {{counter0, counter1, counter2, counter3}};
}

// The 16-bit number of one element.
static __device__ __forceinline__ uint32_t random_number(uint64_t seed, uint64_t stream, uint64_t element) {
    const RandomWords words = philox(seed, stream, element / 8);
    const uint32_t lower = element % 4 < 2 ? words.word[0] : words.word[1];
    const uint32_t upper = element % 4 < 2 ? words.word[2] : words.word[3];
    const uint32_t word = element % 8 < 4 ? lower : upper;
    return element % 2 == 0 ? word & 0xFFFFu : word >> 16;
}

}  // namespace interfuse
