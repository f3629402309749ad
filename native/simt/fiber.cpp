#include "fiber.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

namespace interfuse::simt {
namespace {

// Sanitizers put redzones between variables, so their frames are larger.
constexpr size_t kStackBytes = (kAddressSanitizer || kThreadSanitizer ? 256 : 64) * 1024;
constexpr size_t kGuardBytes = 4096;

}  // namespace

#if !defined(INTERFUSE_SIMT_USES_UCONTEXT)

// Saves the callee-saved registers on the stack left behind and restores them from the one switched to. swapcontext
// does the same with two system calls for the signal mask, which makes shuffles ten times slower.
extern "C" void interfuse_fiber_switch(void** save, void* to);
extern "C" void interfuse_fiber_first();

__asm__(R"(
    .text
    .hidden interfuse_fiber_switch
    .globl interfuse_fiber_switch
    .type interfuse_fiber_switch, @function
interfuse_fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size interfuse_fiber_switch, .-interfuse_fiber_switch

    .hidden interfuse_fiber_first
    .globl interfuse_fiber_first
    .type interfuse_fiber_first, @function
interfuse_fiber_first:
    .cfi_startproc
    .cfi_undefined rip
    movq %r12, %rdi
    callq *%r13
    ud2
    .cfi_endproc
    .size interfuse_fiber_first, .-interfuse_fiber_first
)");

#endif

void FiberHost::adopt() {
#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
    thread_sanitizer_ = __tsan_get_current_fiber();
#endif
}

void FiberHost::enter(Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fake_stack_, fiber.mapping_ + kGuardBytes, kStackBytes);
#endif
#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
    // A switch alone must not order anything, or every race of the kernel would be hidden.
    __tsan_switch_to_fiber(fiber.thread_sanitizer_, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(INTERFUSE_SIMT_USES_UCONTEXT)
    swapcontext(&context_, &fiber.context_);
#else
    interfuse_fiber_switch(&stack_pointer_, fiber.stack_pointer_);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
#endif
}

void FiberHost::leave(Fiber& fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&fiber.fake_stack_, stack_bottom_, stack_size_);
#endif
#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
    __tsan_switch_to_fiber(thread_sanitizer_, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(INTERFUSE_SIMT_USES_UCONTEXT)
    swapcontext(&fiber.context_, &context_);
#else
    interfuse_fiber_switch(&fiber.stack_pointer_, stack_pointer_);
#endif
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack_, &stack_bottom_, &stack_size_);
#endif
}

void Fiber::start(Fiber* fiber) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &fiber->host_.stack_bottom_, &fiber->host_.stack_size_);
#endif
    fiber->entry_(fiber->argument_);
    std::abort();
}

std::unique_ptr<Fiber> Fiber::create(FiberHost& host, Entry entry, void* argument, unsigned colour) {
    void* mapping = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) {
        return nullptr;
    }
    if (mprotect(mapping, kGuardBytes, PROT_NONE) != 0) {
        munmap(mapping, kGuardBytes + kStackBytes);
        return nullptr;
    }
    return std::unique_ptr<Fiber>(new Fiber(host, entry, argument, static_cast<char*>(mapping), colour));
}

Fiber::Fiber(FiberHost& host, Entry entry, void* argument, char* mapping, unsigned colour)
    : host_(host), entry_(entry), argument_(argument), mapping_(mapping) {
#if defined(INTERFUSE_SIMT_USES_UCONTEXT)
    static_cast<void>(colour);
    getcontext(&context_);
    context_.uc_stack.ss_sp = mapping_ + kGuardBytes;
    context_.uc_stack.ss_size = kStackBytes;
    const auto self = reinterpret_cast<uintptr_t>(this);
    makecontext(&context_, reinterpret_cast<void (*)()>(&Fiber::start_from_halves), 2, static_cast<unsigned>(self),
                static_cast<unsigned>(static_cast<uint64_t>(self) >> 32));
#else
    // All stacks begin at the same offset in a page; without the colour their hot ends would share one cache set.
    char* top = mapping_ + kGuardBytes + kStackBytes - (colour % 16) * 256;
    void** slot = reinterpret_cast<void**>(top) - 2;
    // What interfuse_fiber_switch pops, in reverse: the return address, rbp, rbx, r12, r13, r14, r15. The stack is then
    // on a 16-byte boundary, as the ABI wants it before a call.
    *--slot = reinterpret_cast<void*>(&interfuse_fiber_first);
    *--slot = nullptr;
    *--slot = nullptr;
    *--slot = this;
    *--slot = reinterpret_cast<void*>(&Fiber::start);
    *--slot = nullptr;
    *--slot = nullptr;
    stack_pointer_ = slot;
#endif
#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
    thread_sanitizer_ = __tsan_create_fiber(0);
#endif
}

#if defined(INTERFUSE_SIMT_USES_UCONTEXT)
void Fiber::start_from_halves(unsigned low, unsigned high) {
    start(reinterpret_cast<Fiber*>(static_cast<uintptr_t>(static_cast<uint64_t>(high) << 32 | low)));
}
#endif

Fiber::~Fiber() {
#if defined(INTERFUSE_SIMT_THREAD_SANITIZER)
    __tsan_destroy_fiber(thread_sanitizer_);
#endif
    munmap(mapping_, kGuardBytes + kStackBytes);
}

}  // namespace interfuse::simt
