// The first include of every kernel source. nvcc needs next to nothing from it; g++ gets the whole CUDA kernel
// language from the emulation in native/simt, so the same file is also the software device's program.
#pragma once

#if defined(__CUDACC__)

// `T* name` over the block's dynamic shared memory.
#define INTERFUSE_DYNAMIC_SHARED(T, name)                                                                              \
    extern __shared__ __align__(16) unsigned char interfuse_dynamic_shared[];                                          \
    T* name = reinterpret_cast<T*>(interfuse_dynamic_shared)

// After a kernel's definition: makes it known to the emulation. CUDA finds kernels by their exported name.
#define INTERFUSE_KERNEL(name)

#else

#include "../native/simt/device.h"

#endif
