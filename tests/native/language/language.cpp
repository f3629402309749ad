// The CUDA language as the emulation supplies it, against what NVIDIA's programming guide says; and the harness's own
// conversions. The kernels are CUDA: built by nvcc, they must give the same on a device.
#include "harness.h"

#include <cmath>

namespace {

using namespace interfuse::test;

struct LanguageArguments {
    unsigned* words;
    unsigned long long* longs;
};

using Words = std::vector<unsigned>;
using Longs = std::vector<unsigned long long>;

const Case indices("language: thread and block indices", [] {
    const Buffer<unsigned> words(3 * 2 * 2 * 5 * 4 * 3);
    launch("language_indices", {3, 2, 2}, {5, 4, 3}, 0, LanguageArguments{words.get(), nullptr});
    Words expected;
    for (unsigned block = 0; block < 12; ++block) {
        for (unsigned thread = 0; thread < 60; ++thread) {
            expected.push_back(block % 3 | block / 3 % 2 << 4 | block / 6 << 8 | thread % 5 << 12 |
                               thread / 5 % 4 << 20 | thread / 20 << 28);
        }
    }
    expect_equal(expected, words.download(), "words");
});

/// The lane that lane `l` reads in the kernel's shuffle number `k`.
unsigned source(unsigned k, unsigned l) {
    switch (k) {
        case 0:
            return 5;
        case 1:
            return l / 8 * 8 + 1;
        case 2:
            return l >= 3 ? l - 3 : l;
        case 3:
            return l % 8 >= 3 ? l - 3 : l;
        case 4:
            return l + 3 < 32 ? l + 3 : l;
        case 5:
            return l % 8 + 3 < 8 ? l + 3 : l;
        case 6:
            return l ^ 17;
        default:
            // Across segments of 8 only towards lower lanes.
            return (l ^ 9) < (l / 8 + 1) * 8 ? l ^ 9 : l;
    }
}

const Case shuffles("language: shuffles of every type and width", [] {
    const Buffer<unsigned long long> longs(32 * 48);
    launch("language_shuffles", {1}, {32}, 0, LanguageArguments{nullptr, longs.get()});
    const unsigned long long bases[] = {100, 200, 1ull << 40, 1ull << 50, 300, 1ull << 45};
    Longs expected;
    for (unsigned l = 0; l < 32; ++l) {
        for (const unsigned long long base : bases) {
            for (unsigned k = 0; k < 8; ++k) {
                expected.push_back(base + source(k, l));
            }
        }
    }
    expect_equal(expected, longs.download(), "longs");
});

const Case votes("language: votes, matches and warp reductions", [] {
    const Buffer<unsigned> words(32 * 16);
    launch("language_votes", {1}, {32}, 0, LanguageArguments{words.get(), nullptr});
    unsigned thirds = 0;
    unsigned squares = 0;
    for (unsigned l = 0; l < 32; ++l) {
        thirds |= l % 3 == 0 ? 1u << l : 0;
        squares ^= l * l;
    }
    Words expected;
    for (unsigned l = 0; l < 32; ++l) {
        const bool low = l < 16;
        unsigned fives = 0;
        unsigned fours = 0;
        for (unsigned p = 0; p < 32; ++p) {
            fives |= p / 5 == l / 5 ? 1u << p : 0;
            fours |= p % 4 == l % 4 && (p < 16) == low ? 1u << p : 0;
        }
        const unsigned half = low ? 0x0000FFFFu : 0xFFFF0000u;
        for (const unsigned word : {thirds, low ? 0u : 1u, low ? 1u : 0u, fives, fours, 496u, low ? 0u : 16u,
                                    low ? 15u : 31u, static_cast<unsigned>(-16), 15u, static_cast<unsigned>(-16), 64u,
                                    half, squares, 0xFFFFFFFFu, 32u}) {
            expected.push_back(word);
        }
    }
    expect_equal(expected, words.download(), "words");
});

const Case barriers("language: barriers that count and vote, with 150 KB of shared memory", [] {
    const Buffer<unsigned> words(1000);
    launch("language_barriers", {1}, {1000}, 150 << 10, LanguageArguments{words.get(), nullptr});
    Words expected;
    for (unsigned i = 0; i < 1000; ++i) {
        expected.push_back(334u << 16 | 0xAu << 12 | (999 - i));
    }
    expect_equal(expected, words.download(), "words");
});

const Case atomics("language: atomics of many blocks on the same words", [] {
    const unsigned n = 64 * 128;
    Words words = {0, 0, 0xFFFFFFFFu, 0, 0xFFFFFFFFu, 0, 0, 0, 0, 0x80000000u, 0x7FFFFFFFu, 0};
    Longs longs = {0, 0, ~0ull, 0};
    const Buffer<unsigned> word_buffer(words);
    const Buffer<unsigned long long> long_buffer(longs);
    launch("language_atomics", {64}, {128}, 0, LanguageArguments{word_buffer.get(), long_buffer.get()});
    words = {n / 2 * (n - 1), n - 1, 5, 0xFFFFFFFFu, 0xFFFF0000u, 0, 3 * n, 1,
             0u - n, n - 1 - 4000, 5 - (n - 1), 0u - 2 * n};
    longs = {static_cast<unsigned long long>(n) << 33, (n - 1ull) << 32, 1ull << 32, 1};
    expect_equal(words, word_buffer.download(), "words");
    expect_equal(longs, long_buffer.download(), "longs");
});

const Case arithmetic("language: bit and arithmetic functions", [] {
    const Buffer<unsigned> words(Words{41});
    const Longs expected = {
        17, 33, 31320, 63640, 4, 41, 0x80000001u, 0x60000000u, 1ull << 63, 0x77552200u, 0xFFFFFFFFu, 3, 0xC0000000u,
        0xFFFFFFFEu, 0xFFFFFFFFu, 0xFFFFFFFFFFFFFFFEull, 0xFFFFFFFFFFFFFFFFull, 0x3FC00000u, 0x80000000u, 0x7FC01234u,
        0x3F800000u, 0xC000000000000000ull, 0x3FF0000000000001ull,
        // (1 + 2^-12)^2 - 1 = 2^-11 + 2^-24: rounded twice 2^-11, rounded once all of it.
        0x3A000000u, 0x3A000400u, 0x3A000400u, 0x3A000000u, 0x3EAAAAABu, 0x3FB504F3u, 0x3FD5555555555555ull,
        0x3FF6A09E667F3BCDull, 0x3F800001u, 0x3F800000u, 43, 41, 49, 1 + 4 + 6 + 3 + 16 + 16};
    const Buffer<unsigned long long> longs(expected.size());
    launch("language_arithmetic", {1}, {1}, 0, LanguageArguments{words.get(), longs.get()});
    expect_equal(expected, longs.download(), "longs");
});

const Case half_precision("harness: every half number survives the way to float and back", [] {
    for (unsigned bits = 0; bits < 65536; ++bits) {
        const float value = half_to_float(static_cast<uint16_t>(bits));
        const uint16_t expected = std::isnan(value) ? 0x7E00 : static_cast<uint16_t>(bits);
        expect_equal(expected, float_to_half(value), "half " + std::to_string(bits));
        // Halfway to the next number goes to the even one of the two.
        const float next = half_to_float(static_cast<uint16_t>(bits + 1));
        if (std::isfinite(value) && std::isfinite(next) && (bits & 0x7FFF) < 0x7BFF) {
            expect_equal(static_cast<uint16_t>(bits + (bits & 1)), float_to_half((value + next) / 2),
                         "halfway after " + std::to_string(bits));
        }
    }
    expect_equal<uint16_t>(0x7BFF, float_to_half(65519.996f), "the largest that does not overflow");
    expect_equal<uint16_t>(0x7C00, float_to_half(65520), "the smallest that does");
});

const Case brain_float("harness: bf16 rounds to nearest, halves to even", [] {
    expect_equal<uint16_t>(0x3F80, float_to_bf16(1.0f + 0x1p-8f), "halfway, even below");
    expect_equal<uint16_t>(0x3F82, float_to_bf16(1.0f + 3 * 0x1p-8f), "halfway, even above");
    expect_equal<uint16_t>(0x3F81, float_to_bf16(1.0f + 0x1p-8f + 0x1p-20f), "above halfway");
    expect_equal<uint16_t>(0x7F80, float_to_bf16(3.4028235e38f), "overflow");
    expect_equal<uint16_t>(0x7FC0, float_to_bf16(-std::nanf("")), "NaN");
});

const Case specials("harness: special inputs hold every kind of value", [] {
    int kinds[5] = {};
    for (const float value : special_floats(2000, 3)) {
        ++kinds[std::fpclassify(value) == FP_NAN         ? 0
                : std::fpclassify(value) == FP_INFINITE  ? 1
                : std::fpclassify(value) == FP_ZERO      ? 2
                : std::fpclassify(value) == FP_SUBNORMAL ? 3
                                                         : 4];
    }
    for (const int count : kinds) {
        expect(count >= 20, "a kind of value is rare or missing");
    }
});

}  // namespace
