// Warp operations: the last lane of the mask to arrive computes every lane's result and lets the others go on.
#include "block.h"

#include <algorithm>

namespace interfuse::simt {
namespace {

bool is_shuffle(WarpOperation operation) {
    return operation >= WarpOperation::kShuffle && operation <= WarpOperation::kShuffleXor;
}

uint64_t combine(WarpOperation operation, uint64_t left, uint64_t right) {
    const auto a = static_cast<uint32_t>(left);
    const auto b = static_cast<uint32_t>(right);
    const auto signed_a = static_cast<int32_t>(a);
    const auto signed_b = static_cast<int32_t>(b);
    switch (operation) {
        case WarpOperation::kReduceAdd:
            return static_cast<uint32_t>(a + b);
        case WarpOperation::kReduceMin:
            return std::min(a, b);
        case WarpOperation::kReduceMax:
            return std::max(a, b);
        case WarpOperation::kReduceMinSigned:
            return static_cast<uint32_t>(std::min(signed_a, signed_b));
        case WarpOperation::kReduceMaxSigned:
            return static_cast<uint32_t>(std::max(signed_a, signed_b));
        case WarpOperation::kReduceAnd:
            return a & b;
        case WarpOperation::kReduceOr:
            return a | b;
        default:
            return a ^ b;
    }
}

}  // namespace

const char* name_of(WarpOperation operation) {
    switch (operation) {
        case WarpOperation::kSync:
            return "__syncwarp";
        case WarpOperation::kShuffle:
            return "__shfl_sync";
        case WarpOperation::kShuffleUp:
            return "__shfl_up_sync";
        case WarpOperation::kShuffleDown:
            return "__shfl_down_sync";
        case WarpOperation::kShuffleXor:
            return "__shfl_xor_sync";
        case WarpOperation::kBallot:
            return "__ballot_sync";
        case WarpOperation::kAll:
            return "__all_sync";
        case WarpOperation::kAny:
            return "__any_sync";
        case WarpOperation::kReduceAdd:
            return "__reduce_add_sync";
        case WarpOperation::kReduceMin:
        case WarpOperation::kReduceMinSigned:
            return "__reduce_min_sync";
        case WarpOperation::kReduceMax:
        case WarpOperation::kReduceMaxSigned:
            return "__reduce_max_sync";
        case WarpOperation::kReduceAnd:
            return "__reduce_and_sync";
        case WarpOperation::kReduceOr:
            return "__reduce_or_sync";
        case WarpOperation::kReduceXor:
            return "__reduce_xor_sync";
        case WarpOperation::kMatchAny:
            return "__match_any_sync";
    }
    return "a warp operation";
}

uint64_t BlockExecutor::warp(WarpOperation operation, unsigned mask, uint64_t value, unsigned source) {
    Thread& thread = *running_;
    const unsigned w = warp_of(thread);
    Warp& warp = warps_[w];
    if ((mask >> lane_of(thread) & 1) == 0) {
        fail(thread, "%s: mask %08x leaves out the calling lane %u", name_of(operation), mask, lane_of(thread));
        stop_here();
    }
    const unsigned exited = mask & warp.existing & ~warp.live;
    if (exited != 0) {
        fail(thread, "%s: mask %08x names lanes %08x, which have returned", name_of(operation), mask, exited);
        stop_here();
    }
    thread.operation = operation;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    // A block's last warp may be short. A full mask is usual there; only reading from a lane that isn't is wrong.
    const unsigned expected = mask & warp.existing;
    char* token = nullptr;
    if (kThreadSanitizer && operation == WarpOperation::kSync) {
        thread.order_token = order_token(w, expected);
        token = &tokens_.warp[w][thread.order_token];
        release(token);
    }
    warp.at_operation |= 1u << lane_of(thread);
    no_longer_ready();
    if ((warp.at_operation & expected) == expected) {
        complete(operation, mask);
    } else {
        suspend();
    }
    if (token != nullptr) {
        acquire(token);
    }
    return thread.result;
}

// One token for all lanes that meet at one __syncwarp: the first to arrive takes the next, the others copy it.
uint8_t BlockExecutor::order_token(unsigned warp, unsigned mask) {
    const unsigned there = warps_[warp].at_operation & mask;
    if (there != 0) {
        return thread_at(warp, static_cast<unsigned>(__builtin_ctz(there))).order_token;
    }
    return static_cast<uint8_t>(warps_[warp].order_tokens_used++ % kOrderTokens);
}

void BlockExecutor::complete(WarpOperation operation, unsigned mask) {
    const unsigned w = warp_of(*running_);
    Warp& warp = warps_[w];
    const unsigned lanes = mask & warp.existing;
    unsigned truths = 0;
    uint64_t reduced = running_->value;
    for (unsigned left = lanes; left != 0; left &= left - 1) {
        const unsigned l = static_cast<unsigned>(__builtin_ctz(left));
        const Thread& other = thread_at(w, l);
        if (other.operation != operation || other.mask != mask) {
            fail(*running_, "divergent warp operation: lane %u at %s with mask %08x, lane %u at %s with mask %08x",
                 lane_of(*running_), name_of(operation), mask, l, name_of(other.operation), other.mask);
            stop_here();
        }
        truths |= other.value != 0 ? 1u << l : 0;
        if (&other != running_) {
            reduced = combine(operation, reduced, other.value);
        }
    }
    for (unsigned left = lanes; left != 0; left &= left - 1) {
        const unsigned l = static_cast<unsigned>(__builtin_ctz(left));
        Thread& other = thread_at(w, l);
        if (is_shuffle(operation)) {
            if ((lanes >> other.source & 1) == 0) {
                fail(other, "%s: lane %u reads lane %u, which is not there (mask %08x, existing lanes %08x)",
                     name_of(operation), l, other.source, mask, warp.existing);
                stop_here();
            }
            other.result = thread_at(w, other.source).value;
            continue;
        }
        switch (operation) {
            case WarpOperation::kSync:
                break;
            case WarpOperation::kBallot:
                other.result = truths;
                break;
            case WarpOperation::kAll:
                other.result = truths == lanes;
                break;
            case WarpOperation::kAny:
                other.result = truths != 0;
                break;
            case WarpOperation::kMatchAny: {
                unsigned equal = 0;
                for (unsigned peer = 0; peer < kWarpSize; ++peer) {
                    if ((lanes >> peer & 1) != 0 && thread_at(w, peer).value == other.value) {
                        equal |= 1u << peer;
                    }
                }
                other.result = equal;
                break;
            }
            default:
                other.result = reduced;
        }
    }
    warp.at_operation &= ~lanes;
    make_ready(w, lanes);
}

}  // namespace interfuse::simt
