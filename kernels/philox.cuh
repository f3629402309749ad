// Random words by counter: Philox 4x32-10 (Salmon et al., SC 2011).
#pragma once

#include "simt.cuh"

#include <stdint.h>

namespace interfuse {

struct RandomWords {
    uint32_t word[4];
};

// The words of elements 4 * block to 4 * block + 3 of a stream.
static __device__ __forceinline__ RandomWords philox(uint64_t seed, uint64_t stream, uint64_t block) {
    uint32_t counter0 = static_cast<uint32_t>(block);
    uint32_t counter1 = static_cast<uint32_t>(block >> 32);
    uint32_t counter2 = static_cast<uint32_t>(stream);
    uint32_t counter3 = static_cast<uint32_t>(stream >> 32);
    uint32_t key0 = static_cast<uint32_t>(seed);
    uint32_t key1 = static_cast<uint32_t>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const uint64_t product0 = static_cast<uint64_t>(counter0) * 0xD2511F53u;
        const uint64_t product2 = static_cast<uint64_t>(counter2) * 0xCD9E8D57u;
        counter0 = static_cast<uint32_t>(product2 >> 32) ^ counter1 ^ key0;
        counter1 = static_cast<uint32_t>(product2);
        counter2 = static_cast<uint32_t>(product0 >> 32) ^ counter3 ^ key1;
        counter3 = static_cast<uint32_t>(product0);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return {{counter0, counter1, counter2, counter3}};
}

// The word of one element.
static __device__ __forceinline__ uint32_t random_word(uint64_t seed, uint64_t stream, uint64_t element) {
    const RandomWords words = philox(seed, stream, element / 4);
    const uint32_t lower = element % 2 == 0 ? words.word[0] : words.word[1];
    const uint32_t upper = element % 2 == 0 ? words.word[2] : words.word[3];
    return element % 4 < 2 ? lower : upper;
}

}  // namespace interfuse
