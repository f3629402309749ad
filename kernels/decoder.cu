// What a decoder does between its matrix products: norms, biases, rotary positions and gates, all of float32.
#include "decoder_arguments.h"
#include "elements.cuh"
#include "exp.cuh"

namespace interfuse {

// Elements of a row or pairs of a token that a block does; gates that a thread does.
constexpr int kBiasesPerBlock = 4 * kDecoderThreads;
constexpr int kGates = 4;

// The sum of one value of each of 256 threads, halves folded onto halves; the first warp has it.
static __device__ __forceinline__ float fold_block(float value) {
    __shared__ float lanes[kDecoderThreads];
    const int lane = static_cast<int>(threadIdx.x);
    lanes[lane] = value;
    __syncthreads();
#pragma unroll
    for (int half = kDecoderThreads / 2; half >= 32; half /= 2) {
        if (lane < half) {
            lanes[lane] += lanes[lane + half];
        }
        __syncthreads();
    }
    float sum = lanes[lane % 32];
#pragma unroll
    for (int half = 16; half > 0; half /= 2) {
        sum += __shfl_xor_sync(0xFFFFFFFFu, sum, half);
    }
    return sum;
}

// A block has a row, a thread one lane of the sum of squares.
static __device__ __forceinline__ void norm_row(const RmsNormArguments& a) {
    const int64_t row = blockIdx.x;
    const float* x = a.x + row * a.columns;
    float lane = 0.0f;
#pragma unroll 4
    for (int64_t j = threadIdx.x; j < a.columns; j += kDecoderThreads) {
        lane = __fmaf_rn(x[j], x[j], lane);
    }
    const float sum = fold_block(lane);

    __shared__ float factor;
    if (threadIdx.x == 0) {
        const float mean = __fdiv_rn(sum, static_cast<float>(a.columns));
        factor = __fdiv_rn(1.0f, __fsqrt_rn(mean + a.epsilon));
    }
    __syncthreads();

    // Each thread reads what it alone writes, so that y may be x.
    const float scale = factor;
    const float* weights = a.weights + a.experts[row / a.rows_per_item] * a.columns;
    float* y = a.y + row * a.columns;
#pragma unroll 4
    for (int64_t j = threadIdx.x; j < a.columns; j += kDecoderThreads) {
        y[j] = x[j] * scale * weights[j];
    }
}

static __device__ __forceinline__ void add_bias(const AddBiasArguments& a) {
    const int64_t row = blockIdx.x / a.parts;
    const float* bias = a.bias + a.experts[row / a.rows_per_item] * a.columns;
    float* y = a.y + row * a.columns;
    const int64_t first = blockIdx.x % a.parts * kBiasesPerBlock + threadIdx.x;
#pragma unroll
    for (int k = 0; k < kBiasesPerBlock; k += kDecoderThreads) {
        if (first + k < a.columns) {
            y[first + k] = y[first + k] + bias[first + k];
        }
    }
}

static __device__ __forceinline__ void rotate(const RotateArguments& a) {
    const int64_t token = blockIdx.x / a.parts;
    const int64_t pair = blockIdx.x % a.parts * kDecoderThreads + threadIdx.x;
    if (pair >= a.pairs) {
        return;
    }
    const int64_t i = pair % a.half;
    float* lower = a.x + 2 * (token * a.pairs + pair - i) + i;
    float* upper = lower + a.half;
    const float* angles = a.angles + 2 * token * a.half;
    const float cosine = angles[i];
    const float sine = angles[i + a.half];
    const float first = *lower;
    const float second = *upper;
    *lower = first * cosine - second * sine;
    *upper = second * cosine + first * sine;
}

static __device__ __forceinline__ float gated(float gate, float up) {
    return __fdiv_rn(gate, 1.0f + exp_float32(0.0f - gate)) * up;
}

static __device__ __forceinline__ void gate_values(const SwiGluArguments& a) {
    const int64_t first = (static_cast<int64_t>(blockIdx.x) * kDecoderThreads + threadIdx.x) * kGates;
    if (a.vectorized != 0 && first + kGates <= a.length) {
        const Words<4> gate = load_words<4>(a.gate, first / kGates);
        const Words<4> up = load_words<4>(a.up, first / kGates);
        Words<4> y;
#pragma unroll
        for (int k = 0; k < kGates; ++k) {
            y.word[k] = __float_as_uint(gated(__uint_as_float(gate.word[k]), __uint_as_float(up.word[k])));
        }
        store_words<4>(a.y, first / kGates, y);
        return;
    }
    for (int64_t k = first; k < first + kGates && k < a.length; ++k) {
        a.y[k] = gated(a.gate[k], a.up[k]);
    }
}

}  // namespace interfuse

extern "C" __global__ void __launch_bounds__(interfuse::kDecoderThreads) interfuse_rms_norm(
    const interfuse::RmsNormArguments a) {
    interfuse::norm_row(a);
}
INTERFUSE_KERNEL(interfuse_rms_norm)

extern "C" __global__ void __launch_bounds__(interfuse::kDecoderThreads) interfuse_add_bias(
    const interfuse::AddBiasArguments a) {
    interfuse::add_bias(a);
}
INTERFUSE_KERNEL(interfuse_add_bias)

extern "C" __global__ void __launch_bounds__(interfuse::kDecoderThreads) interfuse_rotate(
    const interfuse::RotateArguments a) {
    interfuse::rotate(a);
}
INTERFUSE_KERNEL(interfuse_rotate)

extern "C" __global__ void __launch_bounds__(interfuse::kDecoderThreads) interfuse_swiglu(
    const interfuse::SwiGluArguments a) {
    interfuse::gate_values(a);
}
INTERFUSE_KERNEL(interfuse_swiglu)
