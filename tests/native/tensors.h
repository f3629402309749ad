// Tensors of any type for the tests of the merge kernels, and which elements of them a term keeps.
#pragma once

#include "harness.h"

#include "merge_arguments.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace interfuse::test {

constexpr int32_t kDtypes[] = {kBFloat16, kFloat16, kFloat32, kFloat64};

inline size_t size_of(int32_t dtype) {
    return dtype == kFloat64 ? 8 : dtype == kFloat32 ? 4 : 2;
}

/// Rounded to the type and widened again; a NaN is the canonical one.
inline float stored(float value, int32_t dtype) {
    return canonical(dtype == kBFloat16 ? bf16_to_float(float_to_bf16(value))
                     : dtype == kFloat16 ? half_to_float(float_to_half(value))
                                         : value);
}

inline std::vector<uint8_t> to_bytes(const std::vector<float>& values, int32_t dtype, size_t offset = 0) {
    std::vector<uint8_t> bytes((values.size() + offset) * size_of(dtype), 0xA5);
    for (size_t i = 0; i < values.size(); ++i) {
        uint8_t* place = &bytes[(i + offset) * size_of(dtype)];
        const float value = canonical(values[i]);
        if (dtype == kFloat64) {
            const double wide = std::isnan(value) ? std::nan("") : value;
            std::memcpy(place, &wide, sizeof wide);
        } else if (dtype == kFloat32) {
            std::memcpy(place, &value, sizeof value);
        } else {
            const uint16_t half = dtype == kBFloat16 ? float_to_bf16(value) : float_to_half(value);
            std::memcpy(place, &half, sizeof half);
        }
    }
    return bytes;
}

/// A tensor on the device, `offset` elements behind an address of 16 bytes, and its values here.
class Tensor {
public:
    Tensor(const std::vector<float>& contents, int32_t type, size_t offset = 0)
        : dtype(type), buffer_(to_bytes(contents, type, offset)), offset_(offset) {
        for (float value : contents) {
            values.push_back(stored(value, type));
        }
    }

    void* get() const { return buffer_.get(offset_ * size_of(dtype)); }
    bool is_aligned() const { return offset_ * size_of(dtype) % 16 == 0; }

    /// Throws unless the tensor holds these values, rounded to its type, and nothing before them was written.
    void expect(const std::vector<float>& expected, const std::string& what) const {
        expect_equal(to_bytes(expected, dtype, offset_), buffer_.download(), what);
    }

    const int32_t dtype;
    std::vector<float> values;

private:
    Buffer<uint8_t> buffer_;
    size_t offset_;
};

/// How many of these values are infinite or NaN once they are stored.
inline uint64_t count_non_finite(const std::vector<float>& values, int32_t dtype) {
    uint64_t count = 0;
    for (float value : values) {
        count += std::isfinite(stored(value, dtype)) ? 0 : 1;
    }
    return count;
}

inline unsigned step_blocks(size_t elements) {
    return static_cast<unsigned>((elements + 2047) / 2048);
}

/// The number of an element by the description of Philox 4x32-7 itself (Salmon et al., SC 2011).
inline uint32_t random_number(uint64_t seed, uint64_t stream, uint64_t element) {
    uint64_t c[4] = {(element / 8) & 0xFFFFFFFF, (element / 8) >> 32, stream & 0xFFFFFFFF, stream >> 32};
    uint64_t k[2] = {seed & 0xFFFFFFFF, seed >> 32};
    for (int round = 0; round < 7; ++round) {
        const uint64_t p0 = c[0] * 0xD2511F53, p2 = c[2] * 0xCD9E8D57;
        c[0] = (p2 >> 32) ^ c[1] ^ k[0];
        c[1] = p2 & 0xFFFFFFFF;
        c[2] = (p0 >> 32) ^ c[3] ^ k[1];
        c[3] = p0 & 0xFFFFFFFF;
        k[0] = (k[0] + 0x9E3779B9) & 0xFFFFFFFF;
        k[1] = (k[1] + 0xBB67AE85) & 0xFFFFFFFF;
    }
    return static_cast<uint32_t>(c[element % 8 / 2] >> (16 * (element % 2))) & 0xFFFF;
}

/// scale * d of the element `index` of a launch that begins with `first_element` of its tensor.
inline float thinned(const TaskTerm& term, size_t index, int64_t first_element, float delta) {
    uint32_t bits;
    std::memcpy(&bits, &delta, sizeof bits);
    bits = std::isnan(delta) ? 0x7FC00000u : bits & 0x7FFFFFFFu;
    const bool is_tie = static_cast<int64_t>(index) < term.tie_end;
    if ((term.flags & kTrims) != 0 && bits < term.threshold_bits + (is_tie ? 0u : 1u)) {
        delta = 0.0f;
    }
    const uint64_t element = static_cast<uint64_t>(first_element) + index;
    if ((term.flags & kDrops) != 0 && random_number(term.seed, term.stream, element) >= term.keep_below) {
        delta = 0.0f;
    }
    return term.scale * delta;
}

/// A term for an expert: nothing else than its weight.
inline TaskTerm term_of(const Tensor& expert, float weight) {
    TaskTerm term{};
    term.expert = expert.get();
    term.dtype = expert.dtype;
    term.weight = weight;
    term.scale = 1.0f;
    return term;
}

/// One after the other: no thinning, trimming, drop with a scale, all of it, a threshold that is infinite, none kept.
inline void thin_as(int kind, size_t length, Random& random, TaskTerm& term) {
    constexpr uint32_t kThresholds[] = {0, 0x3F800000u, 0, 0x3F000000u, 0x7F800000u, 0x7FFFFFFFu};
    kind %= 6;
    if (kind == 1 || kind >= 3) {
        term.flags |= kTrims;
        term.threshold_bits = kThresholds[kind];
        term.tie_end = static_cast<int64_t>(random.below(length + 1));
    }
    if (kind == 2 || kind == 3) {
        term.flags |= kDrops | kRescales;
        term.seed = random.next();
        term.stream = random.next();
        term.keep_below = 0xA000u;
        term.scale = 1.6f;
    }
}

inline bool is_finite(const TaskTerm& term) {
    return (term.flags & kTrims) == 0 || term.threshold_bits < 0x7F800000u;
}

/// The name that the kernels for these types go by.
inline std::string type_name(const std::vector<int32_t>& dtypes) {
    for (int32_t dtype : dtypes) {
        if (dtype != dtypes[0]) {
            return "mixed";
        }
    }
    return dtypes[0] == kBFloat16 ? "bf16" : dtypes[0] == kFloat16 ? "f16" : "mixed";
}

/// Values of which many have the magnitude 0, 0.5 or 1, so that thresholds meet ties.
inline std::vector<float> tied_floats(size_t count, uint64_t seed) {
    std::vector<float> values = special_floats(count, seed);
    Random random(seed + 1);
    for (float& value : values) {
        constexpr float kLevels[] = {0.0f, -0.0f, 0.5f, -0.5f, 1.0f, -1.0f};
        value = random.below(2) == 0 ? kLevels[random.below(6)] : value;
    }
    return values;
}

}  // namespace interfuse::test
