// The CUDA thread that runs on this processor thread now, and what it can ask of its block. This is all that kernel
// sources see of the runtime.
#pragma once

#include "module.h"

namespace interfuse::simt {

class BlockExecutor;

constexpr unsigned kWarpSize = 32;

enum class BarrierKind : uint8_t { kPlain, kCount, kAnd, kOr };

enum class WarpOperation : uint8_t {
    kSync,
    kShuffle,
    kShuffleUp,
    kShuffleDown,
    kShuffleXor,
    kBallot,
    kAll,
    kAny,
    kReduceAdd,
    kReduceMin,
    kReduceMax,
    kReduceMinSigned,
    kReduceMaxSigned,
    kReduceAnd,
    kReduceOr,
    kReduceXor,
    kMatchAny,
};

struct Current {
    Dim3 thread_index;
    Dim3 block_index;
    Dim3 block_size;
    Dim3 grid_size;
    unsigned lane;
    unsigned char* dynamic_shared;
    BlockExecutor* executor;
};

// Default TLS model on purpose: a module whose variables need static TLS can't be loaded at run time once its static
// `__shared__` arrays outgrow the space the loader keeps free. `__thread`, so that no initialisation wrapper is called.
extern __thread Current current;

/// Waits until every thread of the block that has not returned is here; what is returned depends on the kind.
int barrier(BarrierKind kind, bool predicate);

/// Waits until every lane of `mask` is here and returns this lane's result. For shuffles `source` is the lane read.
uint64_t warp_operation(WarpOperation operation, unsigned mask, uint64_t value, unsigned source = 0);

/// Lanes of this thread's warp that have not returned.
unsigned active_mask();

/// Orders what this thread wrote before what others read after a fence of theirs.
void memory_fence();

[[noreturn]] void trap();

}  // namespace interfuse::simt
