// The CUDA kernel language for g++: what kernels/simt.cuh includes when no CUDA compiler is at work.
#pragma once

#include "arithmetic.h"
#include "atomics.h"
#include "registration.h"
#include "synchronisation.h"
#include "thread.h"
#include "types.h"

#define threadIdx (interfuse::simt::current.thread_index)
#define blockIdx (interfuse::simt::current.block_index)
#define blockDim (interfuse::simt::current.block_size)
#define gridDim (interfuse::simt::current.grid_size)
#define warpSize 32

#define INTERFUSE_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(interfuse::simt::current.dynamic_shared)

#define INTERFUSE_KERNEL(name) static const interfuse::simt::Registration<name> name##_registration(#name);

template <class T>
inline T __ldg(const T* address) {
    return *address;
}
/// A store that a device would not keep in its caches.
template <class T>
inline void __stcs(T* address, T value) {
    *address = value;
}
/// A load that a device would not keep in its caches.
template <class T>
inline T __ldcs(const T* address) {
    return *address;
}

[[noreturn]] inline void __trap() {
    interfuse::simt::trap();
}
