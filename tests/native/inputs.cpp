// Numbers for inputs, and the conversions that references use. Written from the formats' definitions, independent of the
// kernels'.
#include "harness.h"

#include <cmath>
#include <limits>

namespace interfuse::test {
namespace {

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

float from_bits(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

}  // namespace

uint64_t Random::next() {
    state_ += 0x9E3779B97F4A7C15ull;
    uint64_t z = state_;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

float Random::normal() {
    // The sum of twelve uniforms has variance 1.
    double sum = -6;
    for (int i = 0; i < 12; ++i) {
        sum += static_cast<double>(next() >> 11) * 0x1p-53;
    }
    return static_cast<float>(sum);
}

std::vector<float> normal_floats(size_t count, uint64_t seed) {
    Random random(seed);
    std::vector<float> values(count);
    for (float& value : values) {
        value = random.normal();
    }
    return values;
}

std::vector<float> special_floats(size_t count, uint64_t seed) {
    Random random(seed);
    std::vector<float> values(count);
    for (size_t i = 0; i < count; ++i) {
        const uint32_t sign = static_cast<uint32_t>(random.next()) & 0x80000000u;
        const auto noise = static_cast<uint32_t>(random.next());
        switch (random.below(32)) {
            case 0:
                values[i] = from_bits(sign | 0x7F800001u | (noise & 0x007FFFFFu));
                break;
            case 1:
                values[i] = from_bits(sign | 0x7F800000u);
                break;
            case 2:
            case 3:
                values[i] = from_bits(sign);
                break;
            case 4:
                values[i] = from_bits(sign | (noise & 0x007FFFFFu));
                break;
            case 5:
                values[i] = from_bits(sign | 0x7F7FFFFFu);
                break;
            case 6:
                values[i] = from_bits(sign | 1u);
                break;
            case 7:
                values[i] = i == 0 ? 1.0f : from_bits(bits_of(values[i - 1]) ^ sign);
                break;
            default:
                values[i] = random.normal();
        }
    }
    return values;
}

float bf16_to_float(uint16_t bits) {
    return from_bits(static_cast<uint32_t>(bits) << 16);
}

uint16_t float_to_bf16(float value) {
    if (std::isnan(value)) {
        return 0x7FC0;
    }
    const uint32_t bits = bits_of(value);
    const uint32_t kept = bits >> 16;
    const uint32_t cut = bits & 0xFFFF;
    const bool up = cut > 0x8000 || (cut == 0x8000 && (kept & 1) != 0);
    return static_cast<uint16_t>(kept + (up ? 1 : 0));
}

float half_to_float(uint16_t bits) {
    const int exponent = bits >> 10 & 0x1F;
    const int fraction = bits & 0x3FF;
    const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
    if (exponent == 31) {
        return fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                             : static_cast<float>(sign) * std::numeric_limits<float>::infinity();
    }
    return static_cast<float>(sign * (exponent == 0 ? std::ldexp(fraction, -24)
                                                    : std::ldexp(1024 + fraction, exponent - 25)));
}

uint16_t float_to_half(float value) {
    if (std::isnan(value)) {
        return 0x7E00;
    }
    const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
    const double magnitude = std::fabs(static_cast<double>(value));
    if (magnitude >= 65520) {
        return static_cast<uint16_t>(sign | 0x7C00);
    }
    // The distance of neighbouring half numbers here: 2^-24 up to 2^-14, then 2^(exponent - 10).
    int exponent = -14;
    if (magnitude >= std::ldexp(1, -14)) {
        exponent = std::ilogb(magnitude);
    }
    // A whole number of distances, halves to even; exact, because a double holds it.
    const auto steps = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
    // A carry out of the fraction moves into the exponent's bits, as it should.
    return static_cast<uint16_t>(sign | (((exponent + 14) << 10) + steps));
}

float canonical(float value) {
    return std::isnan(value) ? from_bits(0x7FC00000u) : value;
}

std::vector<uint16_t> to_bf16(const std::vector<float>& values) {
    std::vector<uint16_t> result;
    for (const float value : values) {
        result.push_back(float_to_bf16(value));
    }
    return result;
}

std::vector<uint16_t> to_half(const std::vector<float>& values) {
    std::vector<uint16_t> result;
    for (const float value : values) {
        result.push_back(float_to_half(value));
    }
    return result;
}

}  // namespace interfuse::test
