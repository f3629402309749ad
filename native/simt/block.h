// One block of threads at work: every CUDA thread is a fiber, and all of them run on one processor thread, which is
// switched only where CUDA threads may wait for one another (barriers and warp operations).
#pragma once

#include "fiber.h"
#include "module.h"
#include "thread.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace interfuse::simt {

constexpr unsigned kMaxBlockThreads = 1024;
constexpr unsigned kMaxWarps = kMaxBlockThreads / kWarpSize;

/// The operation's name in CUDA.
const char* name_of(WarpOperation operation);

class BlockExecutor {
public:
    BlockExecutor() = default;
    BlockExecutor(const BlockExecutor&) = delete;
    BlockExecutor& operator=(const BlockExecutor&) = delete;

    /// Runs one block to its end on the calling thread. False: a thread failed, and `message()` says how.
    bool run(const Launch& launch, Dim3 block_index, unsigned char* dynamic_shared);

    const char* message() const { return message_; }

    // For the device functions, called by the thread that runs now.

    /// Waits until every thread that has not returned is here; what is returned depends on the kind.
    int barrier(BarrierKind kind, bool predicate);

    /// Waits until every lane of `mask` is here and returns this lane's result. For shuffles `source` is the lane read.
    uint64_t warp(WarpOperation operation, unsigned mask, uint64_t value, unsigned source);

    /// Lanes of this thread's warp that have not returned.
    unsigned active_mask() const;

    [[noreturn]] void trap();

private:
    struct Thread {
        Dim3 index;
        unsigned linear;
        Fiber* fiber;
        WarpOperation operation;
        uint8_t order_token;
        unsigned mask;
        unsigned source;
        uint64_t value;
        uint64_t result;
    };

    /// Sets of lanes. A live lane is ready, at the barrier, or at a warp operation.
    struct Warp {
        unsigned existing;
        unsigned live;
        unsigned ready;
        unsigned at_barrier;
        unsigned at_operation;
        unsigned order_tokens_used;
    };

    static constexpr unsigned kOrderTokens = 64;

    static void fiber_body(void* executor);
    void prepare(const Launch& launch, Dim3 block_index, unsigned char* dynamic_shared);
    bool resume(Thread& thread);
    void run_thread();
    void finish();
    void open_barrier();
    void suspend();
    void no_longer_ready();
    void make_ready(unsigned warp, unsigned lanes);
    void complete(WarpOperation operation, unsigned mask);
    uint8_t order_token(unsigned warp, unsigned mask);
    void report_deadlock();
    void abandon();
    unsigned pick(unsigned set);

    [[gnu::format(printf, 3, 4)]] void fail(const Thread& thread, const char* format, ...);
    [[noreturn]] void stop_here();

    static unsigned warp_of(const Thread& thread) { return thread.linear / kWarpSize; }
    static unsigned lane_of(const Thread& thread) { return thread.linear % kWarpSize; }
    Thread& thread_at(unsigned warp, unsigned lane) { return threads_[warp * kWarpSize + lane]; }

    const Kernel* kernel_ = nullptr;
    const void* argument_ = nullptr;
    Dim3 block_index_{};
    Order order_ = Order::kForward;
    uint64_t random_ = 1;

    FiberHost host_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<Fiber*> idle_fibers_;

    Thread threads_[kMaxBlockThreads] = {};
    Warp warps_[kMaxWarps] = {};
    unsigned thread_count_ = 0;
    unsigned warp_count_ = 0;
    unsigned live_threads_ = 0;
    unsigned ready_warps_ = 0;
    Thread* running_ = nullptr;

    BarrierKind barrier_kind_ = BarrierKind::kPlain;
    unsigned arrived_ = 0;
    unsigned arrived_true_ = 0;
    unsigned released_ = 0;
    unsigned released_true_ = 0;
    unsigned barriers_opened_ = 0;

    bool failed_ = false;
    char message_[320] = {};

    // ThreadSanitizer's view of what is ordered: see block.cpp.
    struct OrderTokens {
        char block_start;
        char block_end;
        char barrier[2];
        char warp[kMaxWarps][kOrderTokens];
    };
    OrderTokens tokens_{};
};

}  // namespace interfuse::simt
