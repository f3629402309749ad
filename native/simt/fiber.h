// Fibers: stacks that one processor thread switches between. A host is the thread's own stack; a fiber is entered from
// its host and leaves back to it.
#pragma once

#include "sanitizers.h"

#include <cstddef>
#include <memory>

#if !defined(__x86_64__) || defined(INTERFUSE_SIMT_UCONTEXT)
#define INTERFUSE_SIMT_USES_UCONTEXT 1
#include <ucontext.h>
#endif

namespace interfuse::simt {

class Fiber;

/// The stack that enters fibers. Belongs to whichever processor thread called `adopt` last.
class FiberHost {
public:
    /// Makes the calling processor thread the host's.
    void adopt();

    /// Runs `fiber` until it leaves.
    void enter(Fiber& fiber);

    /// Called on `fiber`: returns to `enter`, and comes back when the fiber is entered again.
    void leave(Fiber& fiber);

private:
    friend class Fiber;

#if defined(INTERFUSE_SIMT_USES_UCONTEXT)
    ucontext_t context_{};
#else
    void* stack_pointer_ = nullptr;
#endif
    void* thread_sanitizer_ = nullptr;
    void* fake_stack_ = nullptr;
    const void* stack_bottom_ = nullptr;
    size_t stack_size_ = 0;
};

/// A stack of its own with a guard page below it, and the function that runs on it.
class Fiber {
public:
    /// `entry` is called on the new stack when the fiber is first entered, and must never return.
    using Entry = void (*)(void* argument);

    /// Null when there is no memory for a stack. `colour` spreads the tops of stacks over cache sets.
    static std::unique_ptr<Fiber> create(FiberHost& host, Entry entry, void* argument, unsigned colour);

    /// May be destroyed while it has left: its stack is then thrown away.
    ~Fiber();

    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

private:
    friend class FiberHost;

    Fiber(FiberHost& host, Entry entry, void* argument, char* mapping, unsigned colour);

    [[noreturn]] static void start(Fiber* fiber);

    FiberHost& host_;
    Entry entry_;
    void* argument_;
    char* mapping_;
#if defined(INTERFUSE_SIMT_USES_UCONTEXT)
    static void start_from_halves(unsigned low, unsigned high);
    ucontext_t context_{};
#else
    void* stack_pointer_ = nullptr;
#endif
    void* thread_sanitizer_ = nullptr;
    void* fake_stack_ = nullptr;
};

}  // namespace interfuse::simt
