// Scheduling, barriers and failures. The warp operations are in warp.cpp.
//
// For ThreadSanitizer each CUDA thread is a thread of its own, and order between them exists only through tokens that
// one releases and another acquires:
//   block_start   released by the host, acquired by each thread when it begins;
//   block_end     released by each thread when it returns and whenever it leaves, acquired by the host at the end, so
//                 that even threads abandoned by a failed launch are ordered before what the host does next;
//   barrier[2]    released on arrival and acquired on departure. Two, taken in turn: with one, a thread slow to depart
//                 would also acquire what a quick one did after the barrier, and races across it would be hidden;
//   warp[..]      the same for each __syncwarp. Shuffles and votes order nothing, as on a device.
#include "block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace interfuse::simt {

bool BlockExecutor::run(const Launch& launch, Dim3 block_index, unsigned char* dynamic_shared) {
    prepare(launch, block_index, dynamic_shared);
    host_.adopt();
    release(&tokens_.block_start);
    while (live_threads_ > 0) {
        if (ready_warps_ == 0) {
            report_deadlock();
            abandon();
            return false;
        }
        const unsigned warp = pick(ready_warps_);
        unsigned turn = warps_[warp].ready;
        while (turn != 0) {
            const unsigned lane = pick(turn);
            turn &= ~(1u << lane);
            if (!resume(threads_[warp * kWarpSize + lane])) {
                abandon();
                return false;
            }
        }
    }
    acquire(&tokens_.block_end);
    return true;
}

void BlockExecutor::prepare(const Launch& launch, Dim3 block_index, unsigned char* dynamic_shared) {
    kernel_ = launch.kernel;
    argument_ = launch.argument;
    block_index_ = block_index;
    order_ = launch.order;
    // Each block has its own order, the same whichever processor thread runs it. Odd, since zero would stay zero.
    const uint64_t linear =
        (static_cast<uint64_t>(block_index.z) * launch.grid.y + block_index.y) * launch.grid.x + block_index.x;
    random_ = (launch.seed + linear * 0x9E3779B97F4A7C15ull) | 1;

    thread_count_ = launch.block.x * launch.block.y * launch.block.z;
    warp_count_ = (thread_count_ + kWarpSize - 1) / kWarpSize;
    live_threads_ = thread_count_;
    arrived_ = arrived_true_ = 0;
    failed_ = false;
    unsigned linear_thread = 0;
    for (unsigned z = 0; z < launch.block.z; ++z) {
        for (unsigned y = 0; y < launch.block.y; ++y) {
            for (unsigned x = 0; x < launch.block.x; ++x) {
                Thread& thread = threads_[linear_thread];
                thread.index = {x, y, z};
                thread.linear = linear_thread++;
            }
        }
    }
    for (unsigned w = 0; w < warp_count_; ++w) {
        const unsigned lanes = std::min(kWarpSize, thread_count_ - w * kWarpSize);
        const unsigned existing = lanes == kWarpSize ? ~0u : (1u << lanes) - 1;
        warps_[w] = Warp{existing, existing, existing, 0, 0, 0};
    }
    ready_warps_ = warp_count_ == kMaxWarps ? ~0u : (1u << warp_count_) - 1;

    current.block_index = block_index;
    current.block_size = launch.block;
    current.grid_size = launch.grid;
    current.dynamic_shared = dynamic_shared;
    current.executor = this;
}

unsigned BlockExecutor::pick(unsigned set) {
    switch (order_) {
        case Order::kForward:
            return static_cast<unsigned>(__builtin_ctz(set));
        case Order::kReverse:
            return 31u - static_cast<unsigned>(__builtin_clz(set));
        case Order::kShuffled:
            break;
    }
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    const unsigned turn = static_cast<unsigned>(random_ >> 32) % 32;
    const unsigned turned = set >> turn | set << (32 - turn) % 32;
    return (static_cast<unsigned>(__builtin_ctz(turned)) + turn) % 32;
}

// The outermost frame of every fiber. It must touch no thread-local variable: a fiber that finished a thread is used
// again for later launches, on whatever processor thread those run, while the compiler may have kept the address.
void BlockExecutor::fiber_body(void* executor) {
    auto* self = static_cast<BlockExecutor*>(executor);
    for (;;) {
        self->run_thread();
    }
}

void BlockExecutor::run_thread() {
    acquire(&tokens_.block_start);
    kernel_->call(argument_);
    finish();
    suspend();
}

bool BlockExecutor::resume(Thread& thread) {
    if (thread.fiber == nullptr) {
        if (idle_fibers_.empty()) {
            auto fiber =
                Fiber::create(host_, &BlockExecutor::fiber_body, this, static_cast<unsigned>(fibers_.size()));
            if (fiber == nullptr) {
                fail(thread, "no memory for the thread's stack; lower INTERFUSE_SOFTWARE_THREADS");
                return false;
            }
            idle_fibers_.push_back(fiber.get());
            fibers_.push_back(std::move(fiber));
        }
        thread.fiber = idle_fibers_.back();
        idle_fibers_.pop_back();
    }
    running_ = &thread;
    current.thread_index = thread.index;
    current.lane = thread.linear % kWarpSize;
    host_.enter(*thread.fiber);
    // Under ThreadSanitizer a fiber stays with its thread for the whole block, else two threads would look like one.
    if (!kThreadSanitizer && (warps_[warp_of(thread)].live >> lane_of(thread) & 1) == 0) {
        idle_fibers_.push_back(thread.fiber);
        thread.fiber = nullptr;
    }
    return !failed_;
}

void BlockExecutor::suspend() {
    release(&tokens_.block_end);
    host_.leave(*running_->fiber);
}

void BlockExecutor::no_longer_ready() {
    const unsigned w = warp_of(*running_);
    warps_[w].ready &= ~(1u << lane_of(*running_));
    if (warps_[w].ready == 0) {
        ready_warps_ &= ~(1u << w);
    }
}

void BlockExecutor::make_ready(unsigned warp, unsigned lanes) {
    warps_[warp].ready |= lanes;
    if (lanes != 0) {
        ready_warps_ |= 1u << warp;
    }
}

void BlockExecutor::finish() {
    const Thread& thread = *running_;
    Warp& warp = warps_[warp_of(thread)];
    no_longer_ready();
    warp.live &= ~(1u << lane_of(thread));
    --live_threads_;
    for (unsigned waiting = warp.at_operation; waiting != 0; waiting &= waiting - 1) {
        const Thread& other = thread_at(warp_of(thread), static_cast<unsigned>(__builtin_ctz(waiting)));
        if ((other.mask >> lane_of(thread) & 1) != 0) {
            fail(thread, "returned while lane %u waits for it at %s with mask %08x", lane_of(other),
                 name_of(other.operation), other.mask);
            return;
        }
    }
    if (live_threads_ > 0 && arrived_ == live_threads_) {
        open_barrier();
    }
}

int BlockExecutor::barrier(BarrierKind kind, bool predicate) {
    if (arrived_ == 0) {
        barrier_kind_ = kind;
    } else if (barrier_kind_ != kind) {
        fail(*running_, "divergent barrier: others wait at another kind of __syncthreads");
        stop_here();
    }
    char* token = &tokens_.barrier[barriers_opened_ % 2];
    release(token);
    warps_[warp_of(*running_)].at_barrier |= 1u << lane_of(*running_);
    no_longer_ready();
    ++arrived_;
    arrived_true_ += predicate ? 1 : 0;
    if (arrived_ == live_threads_) {
        open_barrier();
    } else {
        suspend();
    }
    acquire(token);
    switch (kind) {
        case BarrierKind::kCount:
            return static_cast<int>(released_true_);
        case BarrierKind::kAnd:
            return released_true_ == released_;
        case BarrierKind::kOr:
            return released_true_ != 0;
        case BarrierKind::kPlain:
            break;
    }
    return 0;
}

void BlockExecutor::open_barrier() {
    released_ = arrived_;
    released_true_ = arrived_true_;
    arrived_ = arrived_true_ = 0;
    ++barriers_opened_;
    for (unsigned w = 0; w < warp_count_; ++w) {
        make_ready(w, warps_[w].at_barrier);
        warps_[w].at_barrier = 0;
    }
}

unsigned BlockExecutor::active_mask() const {
    return warps_[warp_of(*running_)].live;
}

void BlockExecutor::trap() {
    fail(*running_, "__trap");
    stop_here();
}

void BlockExecutor::report_deadlock() {
    unsigned at_barrier = 0;
    unsigned at_operation = 0;
    const Thread* example = nullptr;
    for (unsigned w = 0; w < warp_count_; ++w) {
        at_barrier += static_cast<unsigned>(__builtin_popcount(warps_[w].at_barrier));
        at_operation += static_cast<unsigned>(__builtin_popcount(warps_[w].at_operation));
        if (example == nullptr && warps_[w].at_operation != 0) {
            example = &thread_at(w, static_cast<unsigned>(__builtin_ctz(warps_[w].at_operation)));
        }
    }
    // Somebody waits at a warp operation, or the barrier would have opened.
    fail(*example,
         "deadlock: waits at %s with mask %08x; in all %u at a warp operation, %u at __syncthreads, %u returned",
         name_of(example->operation), example->mask, at_operation, at_barrier, thread_count_ - live_threads_);
}

void BlockExecutor::fail(const Thread& thread, const char* format, ...) {
    if (failed_) {
        return;
    }
    failed_ = true;
    int length = std::snprintf(message_, sizeof message_, "block (%u,%u,%u), thread (%u,%u,%u): ", block_index_.x,
                               block_index_.y, block_index_.z, thread.index.x, thread.index.y, thread.index.z);
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(message_ + length, sizeof message_ - static_cast<size_t>(length), format, arguments);
    va_end(arguments);
}

void BlockExecutor::stop_here() {
    for (;;) {
        suspend();
    }
}

// Threads that will never be resumed: their stacks are thrown away. Kernels own nothing that has to be destroyed.
void BlockExecutor::abandon() {
    acquire(&tokens_.block_end);
    for (Thread& thread : threads_) {
        thread.fiber = nullptr;
    }
    idle_fibers_.clear();
    fibers_.clear();
}

}  // namespace interfuse::simt
