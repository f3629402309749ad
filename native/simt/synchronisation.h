// Barriers, shuffles, votes and warp reductions: where threads wait for one another.
#pragma once

#include "thread.h"
#include "types.h"

namespace interfuse::simt {

template <class T>
constexpr bool kCanShuffle = std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8);

template <class T>
inline uint64_t to_word(T value) {
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    return word;
}

template <class T>
inline T from_word(uint64_t word) {
    T value;
    std::memcpy(&value, &word, sizeof value);
    return value;
}

template <class T>
inline T shuffle(WarpOperation operation, unsigned mask, T value, unsigned source) {
    static_assert(kCanShuffle<T>, "CUDA shuffles 32- and 64-bit integers, float and double");
    return from_word<T>(warp_operation(operation, mask, to_word(value), source));
}

/// The first lane of the calling lane's segment of `width` lanes (a power of two).
inline unsigned segment(int width) {
    return current.lane & ~(static_cast<unsigned>(width) - 1);
}

inline unsigned reduce(WarpOperation operation, unsigned mask, unsigned value) {
    return static_cast<unsigned>(warp_operation(operation, mask, value));
}

}  // namespace interfuse::simt

inline void __syncthreads() {
    interfuse::simt::barrier(interfuse::simt::BarrierKind::kPlain, false);
}
inline int __syncthreads_count(int predicate) {
    return interfuse::simt::barrier(interfuse::simt::BarrierKind::kCount, predicate != 0);
}
inline int __syncthreads_and(int predicate) {
    return interfuse::simt::barrier(interfuse::simt::BarrierKind::kAnd, predicate != 0);
}
inline int __syncthreads_or(int predicate) {
    return interfuse::simt::barrier(interfuse::simt::BarrierKind::kOr, predicate != 0);
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) {
    interfuse::simt::warp_operation(interfuse::simt::WarpOperation::kSync, mask, 0);
}
inline void __threadfence() { interfuse::simt::memory_fence(); }
inline void __threadfence_block() { interfuse::simt::memory_fence(); }

// A lane whose source falls outside its segment reads itself, as on a device.
template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    const unsigned from = interfuse::simt::segment(width) + (static_cast<unsigned>(source) & (width - 1u));
    return interfuse::simt::shuffle(interfuse::simt::WarpOperation::kShuffle, mask, value, from);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const unsigned lane = interfuse::simt::current.lane;
    const bool inside = lane - interfuse::simt::segment(width) >= delta;
    return interfuse::simt::shuffle(interfuse::simt::WarpOperation::kShuffleUp, mask, value,
                                    inside ? lane - delta : lane);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    const unsigned lane = interfuse::simt::current.lane;
    const bool inside = delta < static_cast<unsigned>(width) &&
                        lane + delta < interfuse::simt::segment(width) + static_cast<unsigned>(width);
    return interfuse::simt::shuffle(interfuse::simt::WarpOperation::kShuffleDown, mask, value,
                                    inside ? lane + delta : lane);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32) {
    const unsigned lane = interfuse::simt::current.lane;
    const unsigned from = (lane ^ static_cast<unsigned>(lane_mask)) & 31;
    const bool inside = from < interfuse::simt::segment(width) + static_cast<unsigned>(width);
    return interfuse::simt::shuffle(interfuse::simt::WarpOperation::kShuffleXor, mask, value, inside ? from : lane);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kBallot, mask, predicate != 0);
}
inline int __all_sync(unsigned mask, int predicate) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kAll, mask, predicate != 0) != 0;
}
inline int __any_sync(unsigned mask, int predicate) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kAny, mask, predicate != 0) != 0;
}
/// Approximate: the lanes that have not returned, whatever branch they are in.
inline unsigned __activemask() { return interfuse::simt::active_mask(); }

template <class T>
inline unsigned __match_any_sync(unsigned mask, T value) {
    static_assert(interfuse::simt::kCanShuffle<T>, "CUDA matches 32- and 64-bit integers, float and double");
    return static_cast<unsigned>(interfuse::simt::warp_operation(interfuse::simt::WarpOperation::kMatchAny, mask,
                                                                 interfuse::simt::to_word(value)));
}

inline unsigned __reduce_add_sync(unsigned mask, unsigned value) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceAdd, mask, value);
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceMin, mask, value);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceMax, mask, value);
}
inline int __reduce_add_sync(unsigned mask, int value) {
    return static_cast<int>(__reduce_add_sync(mask, static_cast<unsigned>(value)));
}
inline int __reduce_min_sync(unsigned mask, int value) {
    return static_cast<int>(interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceMinSigned, mask,
                                                    static_cast<unsigned>(value)));
}
inline int __reduce_max_sync(unsigned mask, int value) {
    return static_cast<int>(interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceMaxSigned, mask,
                                                    static_cast<unsigned>(value)));
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceAnd, mask, value);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceOr, mask, value);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
    return interfuse::simt::reduce(interfuse::simt::WarpOperation::kReduceXor, mask, value);
}
