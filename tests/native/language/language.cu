// One kernel for each part of the CUDA language that the emulation supplies. language.cpp says what they must give.
#include "language.h"


extern "C" __global__ void language_indices(const LanguageArguments a) {
    const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    a.words[block * (blockDim.x * blockDim.y * blockDim.z) + thread] =
        blockIdx.x | blockIdx.y << 4 | blockIdx.z << 8 | threadIdx.x << 12 | threadIdx.y << 20 | threadIdx.z << 28;
}
INTERFUSE_KERNEL(language_indices)

template <class T>
static __device__ void shuffles(T value, unsigned long long* out) {
    const T results[] = {
        __shfl_sync(0xFFFFFFFFu, value, 5),        __shfl_sync(0xFFFFFFFFu, value, 9, 8),
        __shfl_up_sync(0xFFFFFFFFu, value, 3),     __shfl_up_sync(0xFFFFFFFFu, value, 3, 8),
        __shfl_down_sync(0xFFFFFFFFu, value, 3),   __shfl_down_sync(0xFFFFFFFFu, value, 3, 8),
        __shfl_xor_sync(0xFFFFFFFFu, value, 17),   __shfl_xor_sync(0xFFFFFFFFu, value, 9, 8),
    };
    for (int i = 0; i < 8; ++i) {
        out[i] = static_cast<unsigned long long>(results[i]);
    }
}

extern "C" __global__ void language_shuffles(const LanguageArguments a) {
    const unsigned lane = threadIdx.x;
    unsigned long long* out = a.longs + lane * 48;
    shuffles<int>(static_cast<int>(lane + 100), out);
    shuffles<unsigned>(lane + 200, out + 8);
    shuffles<long long>((1ll << 40) + lane, out + 16);
    shuffles<unsigned long long>((1ull << 50) + lane, out + 24);
    shuffles<float>(static_cast<float>(lane) + 300, out + 32);
    shuffles<double>((1ll << 45) + static_cast<double>(lane), out + 40);
}
INTERFUSE_KERNEL(language_shuffles)

extern "C" __global__ void language_votes(const LanguageArguments a) {
    const unsigned lane = threadIdx.x;
    const int number = static_cast<int>(lane) - 16;
    const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
    unsigned* out = a.words + lane * 16;
    out[0] = __ballot_sync(0xFFFFFFFFu, lane % 3 == 0);
    out[1] = static_cast<unsigned>(__any_sync(half, lane == 20));
    out[2] = static_cast<unsigned>(__all_sync(half, lane < 16));
    out[3] = __match_any_sync(0xFFFFFFFFu, lane / 5);
    out[4] = __match_any_sync(half, static_cast<unsigned long long>(lane % 4) << 40);
    out[5] = __reduce_add_sync(0xFFFFFFFFu, lane);
    out[6] = __reduce_min_sync(half, lane);
    out[7] = __reduce_max_sync(half, lane);
    out[8] = static_cast<unsigned>(__reduce_min_sync(0xFFFFFFFFu, number));
    out[9] = static_cast<unsigned>(__reduce_max_sync(0xFFFFFFFFu, number));
    out[10] = static_cast<unsigned>(__reduce_add_sync(0xFFFFFFFFu, number));
    out[11] = __reduce_and_sync(0xFFFFFFFFu, lane | 64);
    out[12] = __reduce_or_sync(half, 1u << lane);
    out[13] = __reduce_xor_sync(0xFFFFFFFFu, lane * lane);
    out[14] = __activemask();
    out[15] = warpSize;
    // A lane that returned would be missing from another's active mask.
    __syncwarp();
}
INTERFUSE_KERNEL(language_votes)

extern "C" __global__ void language_barriers(const LanguageArguments a) {
    INTERFUSE_DYNAMIC_SHARED(unsigned, shared);
    shared[threadIdx.x] = threadIdx.x;
    const int count = __syncthreads_count(threadIdx.x % 3 == 0);
    const int all = __syncthreads_and(threadIdx.x < blockDim.x);
    const int not_all = __syncthreads_and(threadIdx.x != 7);
    const int any = __syncthreads_or(threadIdx.x == 7);
    const int none = __syncthreads_or(0);
    const unsigned other = shared[blockDim.x - 1 - threadIdx.x];
    a.words[threadIdx.x] =
        static_cast<unsigned>(count) << 16 | static_cast<unsigned>(all << 3 | not_all << 2 | any << 1 | none) << 12 | other;
}
INTERFUSE_KERNEL(language_barriers)

// Every thread of many blocks changes the same few words.
extern "C" __global__ void language_atomics(const LanguageArguments a) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    int* numbers = reinterpret_cast<int*>(a.words + 8);
    atomicAdd(&a.words[0], i);
    atomicMax(&a.words[1], i);
    atomicMin(&a.words[2], i + 5);
    atomicOr(&a.words[3], 1u << i % 32);
    atomicAnd(&a.words[4], ~(1u << i % 16));
    atomicXor(&a.words[5], i);
    atomicAdd(&numbers[0], -1);
    atomicMax(&numbers[1], static_cast<int>(i) - 4000);
    atomicMin(&numbers[2], 5 - static_cast<int>(i));
    atomicSub(&numbers[3], 2);
    atomicAdd(&a.longs[0], 1ull << 33);
    atomicMax(&a.longs[1], static_cast<unsigned long long>(i) << 32);
    atomicMin(&a.longs[2], static_cast<unsigned long long>(i + 1) << 32);
    // A lock-free sum by compare and swap.
    unsigned seen = atomicCAS(&a.words[6], 0u, 0u);
    for (;;) {
        const unsigned before = atomicCAS(&a.words[6], seen, seen + 3);
        if (before == seen) {
            break;
        }
        seen = before;
    }
    if (atomicExch(&a.words[7], 1u) == 0) {
        atomicAdd(&a.longs[3], 1ull);
    }
}
INTERFUSE_KERNEL(language_atomics)

extern "C" __global__ void language_arithmetic(const LanguageArguments a) {
    __constant__ unsigned table[] = {7, 8, 9};
    unsigned long long* out = a.longs;
    int n = 0;
    out[n++] = static_cast<unsigned long long>(__popc(0xF0F0F0F1u));
    out[n++] = static_cast<unsigned long long>(__popcll(0xFFFF0000FFFF0001ull));
    out[n++] = static_cast<unsigned long long>(__clz(1) * 1000 + __clz(0) * 10 + __clz(-1));
    out[n++] = static_cast<unsigned long long>(__clzll(1) * 1000 + __clzll(0) * 10 + __clzll(-1));
    out[n++] = static_cast<unsigned long long>(__ffs(0) * 100 + __ffs(8));
    out[n++] = static_cast<unsigned long long>(__ffsll(0) * 100 + __ffsll(1ll << 40));
    out[n++] = __brev(0x80000001u) + 0ull;
    out[n++] = __brev(0x00000006u);
    out[n++] = __brevll(0x1ull);
    out[n++] = __byte_perm(0x33221100u, 0x77665544u, 0x7520u);
    out[n++] = __byte_perm(0x00000080u, 0, 0x8888u);
    out[n++] = __funnelshift_l(0x80000000u, 1u, 1);
    out[n++] = __funnelshift_r(0x80000000u, 1u, 1);
    out[n++] = __umulhi(0xFFFFFFFFu, 0xFFFFFFFFu);
    out[n++] = static_cast<unsigned>(__mulhi(-2, 0x7FFFFFFF));
    out[n++] = __umul64hi(0xFFFFFFFFFFFFFFFFull, 0xFFFFFFFFFFFFFFFFull);
    out[n++] = static_cast<unsigned long long>(__mul64hi(-2, 0x7FFFFFFFFFFFFFFFll));
    out[n++] = __float_as_uint(1.5f);
    out[n++] = static_cast<unsigned>(__float_as_int(-0.0f));
    out[n++] = __float_as_uint(__uint_as_float(0x7FC01234u));
    out[n++] = __float_as_uint(__int_as_float(0x3F800000));
    out[n++] = static_cast<unsigned long long>(__double_as_longlong(-2.0));
    out[n++] = static_cast<unsigned long long>(__double_as_longlong(__longlong_as_double(0x3FF0000000000001ll)));
    // 1 + 2^-12 squared: 2^-24 is lost by two roundings and kept by one.
    const float near_one = __uint_as_float(0x3F800800u);
    out[n++] = __float_as_uint(__fadd_rn(__fmul_rn(near_one, near_one), -1.0f));
    out[n++] = __float_as_uint(__fmaf_rn(near_one, near_one, -1.0f));
    out[n++] = __float_as_uint(fmaf(near_one, near_one, -1.0f));
    out[n++] = __float_as_uint(near_one * near_one - 1.0f);
    out[n++] = __float_as_uint(__fdiv_rn(1.0f, 3.0f));
    out[n++] = __float_as_uint(__fsqrt_rn(2.0f));
    out[n++] = static_cast<unsigned long long>(__double_as_longlong(__ddiv_rn(1.0, 3.0)));
    out[n++] = static_cast<unsigned long long>(__double_as_longlong(__dsqrt_rn(__dadd_rn(__dmul_rn(1.0, 1.0), 1.0))));
    out[n++] = __float_as_uint(__double2float_rn(1.0 + 0x1p-24 + 0x1p-50));
    out[n++] = __float_as_uint(min(1.0f, __uint_as_float(0x7FC00000u)));
    out[n++] = static_cast<unsigned long long>(max(3, 4) * 10 + min(3, 4));
    out[n++] = max(3u, static_cast<unsigned>(a.words[0]));
    out[n++] = __ldg(a.words) + table[1];
    const uint4 four = make_uint4(1, 2, 3, 4);
    const ulonglong2 two = make_ulonglong2(5, 6);
    const float4 floats = make_float4(1, 2, 3, 4);
    out[n++] = four.x + four.w + two.y + static_cast<unsigned>(floats.z) + sizeof(uint4) + alignof(float4);
}
INTERFUSE_KERNEL(language_arithmetic)
