// CUDA's integer atomics, relaxed as there. The overloads are CUDA's own, so that what compiles here compiles with
// nvcc; there are none for floats, whose sums would depend on the order of threads.
#pragma once

#include "types.h"

namespace interfuse::simt {

/// Replaces `*address` by `change(*address)` in one step and returns what was there.
template <class T, class Change>
inline T atomically(T* address, Change change) {
    T old = __atomic_load_n(address, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(address, &old, change(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return old;
}

template <class T>
inline T atomic_max(T* address, T value) {
    return atomically(address, [value](T old) { return old < value ? value : old; });
}

template <class T>
inline T atomic_min(T* address, T value) {
    return atomically(address, [value](T old) { return value < old ? value : old; });
}

template <class T>
inline T atomic_cas(T* address, T expected, T value) {
    __atomic_compare_exchange_n(address, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return expected;
}

}  // namespace interfuse::simt

inline int atomicAdd(int* p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicAdd(unsigned* p, unsigned v) { return __atomic_fetch_add(p, v, __ATOMIC_RELAXED); }
inline unsigned long long atomicAdd(unsigned long long* p, unsigned long long v) {
    return __atomic_fetch_add(p, v, __ATOMIC_RELAXED);
}
inline int atomicSub(int* p, int v) { return __atomic_fetch_sub(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicSub(unsigned* p, unsigned v) { return __atomic_fetch_sub(p, v, __ATOMIC_RELAXED); }

inline int atomicMax(int* p, int v) { return interfuse::simt::atomic_max(p, v); }
inline unsigned atomicMax(unsigned* p, unsigned v) { return interfuse::simt::atomic_max(p, v); }
inline long long atomicMax(long long* p, long long v) { return interfuse::simt::atomic_max(p, v); }
inline unsigned long long atomicMax(unsigned long long* p, unsigned long long v) {
    return interfuse::simt::atomic_max(p, v);
}
inline int atomicMin(int* p, int v) { return interfuse::simt::atomic_min(p, v); }
inline unsigned atomicMin(unsigned* p, unsigned v) { return interfuse::simt::atomic_min(p, v); }
inline long long atomicMin(long long* p, long long v) { return interfuse::simt::atomic_min(p, v); }
inline unsigned long long atomicMin(unsigned long long* p, unsigned long long v) {
    return interfuse::simt::atomic_min(p, v);
}

inline int atomicExch(int* p, int v) { return __atomic_exchange_n(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicExch(unsigned* p, unsigned v) { return __atomic_exchange_n(p, v, __ATOMIC_RELAXED); }
inline unsigned long long atomicExch(unsigned long long* p, unsigned long long v) {
    return __atomic_exchange_n(p, v, __ATOMIC_RELAXED);
}
inline int atomicCAS(int* p, int expected, int v) { return interfuse::simt::atomic_cas(p, expected, v); }
inline unsigned atomicCAS(unsigned* p, unsigned expected, unsigned v) {
    return interfuse::simt::atomic_cas(p, expected, v);
}
inline unsigned long long atomicCAS(unsigned long long* p, unsigned long long expected, unsigned long long v) {
    return interfuse::simt::atomic_cas(p, expected, v);
}

inline int atomicOr(int* p, int v) { return __atomic_fetch_or(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicOr(unsigned* p, unsigned v) { return __atomic_fetch_or(p, v, __ATOMIC_RELAXED); }
inline unsigned long long atomicOr(unsigned long long* p, unsigned long long v) {
    return __atomic_fetch_or(p, v, __ATOMIC_RELAXED);
}
inline int atomicAnd(int* p, int v) { return __atomic_fetch_and(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicAnd(unsigned* p, unsigned v) { return __atomic_fetch_and(p, v, __ATOMIC_RELAXED); }
inline unsigned long long atomicAnd(unsigned long long* p, unsigned long long v) {
    return __atomic_fetch_and(p, v, __ATOMIC_RELAXED);
}
inline int atomicXor(int* p, int v) { return __atomic_fetch_xor(p, v, __ATOMIC_RELAXED); }
inline unsigned atomicXor(unsigned* p, unsigned v) { return __atomic_fetch_xor(p, v, __ATOMIC_RELAXED); }
