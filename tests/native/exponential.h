// e^x as all devices take it, for the tests of kernels that use it.
#pragma once

#include <cmath>
#include <initializer_list>

namespace interfuse::test {

inline float exponential(float x) {
    if (std::isnan(x) || x > 88.72283f || x < -87.33654f) {
        return std::isnan(x) ? x : x > 0 ? INFINITY : 0.0f;
    }
    const float n = std::fma(x, 1.44269504f, 12582912.0f) - 12582912.0f;
    const float r = std::fma(n, 2.12194440e-4f, std::fma(n, -0.693359375f, x));
    float sum = 1.0f / 5040;
    for (const int factorial : {720, 120, 24, 6, 2, 1, 1}) {
        sum = std::fma(sum, r, 1.0f / static_cast<float>(factorial));
    }
    return std::ldexp(sum, static_cast<int>(n));
}

}  // namespace interfuse::test
