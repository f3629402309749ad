// Which sanitizer this build runs under, and the few calls that tell it about fibers. Each is empty in a plain build.
//
// The runtime is compiled without ThreadSanitizer's instrumentation even in the thread build (its own bookkeeping is
// shared by all fibers of a block and would drown the kernels' races), so the build says which one it is.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
#include <sanitizer/tsan_interface.h>
#endif

#include <cstddef>

namespace interfuse::simt {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#else
constexpr bool kAddressSanitizer = false;
#endif

#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
constexpr bool kThreadSanitizer = true;
/// What the calling fiber did so far happens before whatever follows an `acquire` of the same token.
inline void release(void* token) { __tsan_release(token); }
inline void acquire(void* token) { __tsan_acquire(token); }
#else
constexpr bool kThreadSanitizer = false;
inline void release(void*) {}
inline void acquire(void*) {}
#endif

}  // namespace interfuse::simt
