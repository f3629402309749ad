#include "thread.h"

#include "block.h"

namespace interfuse::simt {

__thread Current current;

int barrier(BarrierKind kind, bool predicate) {
    return current.executor->barrier(kind, predicate);
}

uint64_t warp_operation(WarpOperation operation, unsigned mask, uint64_t value, unsigned source) {
    return current.executor->warp(operation, mask, value, source);
}

unsigned active_mask() {
    return current.executor->active_mask();
}

void memory_fence() {
    // ThreadSanitizer does not see fences, so all of them meet at one token.
    static char token;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    acquire(&token);
    release(&token);
}

void trap() {
    current.executor->trap();
}

}  // namespace interfuse::simt
