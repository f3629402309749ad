// e^x with the bits of CpuKernels.Exp: 2^n times a polynomial of degree 7 in what is left of x, each step fused.
#pragma once

#include "simt.cuh"

namespace interfuse {

static __device__ __forceinline__ float exp_float32(float x) {
    // Added and taken away again, it leaves the nearest whole number, which is then in the lowest bits.
    constexpr float kRounder = 12582912.0f;
    constexpr unsigned kRounderBits = 0x4B400000u;
    const float shifted = __fmaf_rn(x, 1.44269504f, kRounder);
    const float n = shifted - kRounder;
    float r = __fmaf_rn(n, -0.693359375f, x);
    r = __fmaf_rn(n, 2.12194440e-4f, r);

    float sum = 1.0f / 5040;
    sum = __fmaf_rn(sum, r, 1.0f / 720);
    sum = __fmaf_rn(sum, r, 1.0f / 120);
    sum = __fmaf_rn(sum, r, 1.0f / 24);
    sum = __fmaf_rn(sum, r, 1.0f / 6);
    sum = __fmaf_rn(sum, r, 0.5f);
    sum = __fmaf_rn(sum, r, 1.0f);
    sum = __fmaf_rn(sum, r, 1.0f);

    // n goes up to 128, for which there is no factor: two factors then, the halves of n.
    const unsigned whole = __float_as_uint(shifted) - kRounderBits;
    const unsigned half = ((whole + 256u) >> 1) - 128u;
    const unsigned rest = whole - half;
    sum = sum * __uint_as_float((half + 127u) << 23) * __uint_as_float((rest + 127u) << 23);

    // No denormals are made.
    sum = x < -87.33654f ? 0.0f : sum;
    sum = x > 88.72283f ? __uint_as_float(0x7F800000u) : sum;
    return x == x ? sum : x;
}

}  // namespace interfuse
