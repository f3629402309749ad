#include "memory.h"

#include "context.h"
#include "faults.h"
#include "settings.h"
#include "stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace interfuse::driver {
namespace {

constexpr unsigned char kPoison = 0xFF;
constexpr unsigned char kGuard = 0xA5;

// AddressSanitizer puts redzones of its own after an allocation; a guard would only hide the first bytes of an overrun.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kGuardBytes = 0;
#else
constexpr size_t kGuardBytes = 256;
#endif

}  // namespace

void* Allocations::allocate(int device, size_t bytes, size_t alignment, size_t limit) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        size_t& used = used_[device];
        if (bytes > limit || used > limit - bytes) {
            return nullptr;
        }
        used += bytes;
    }
    const size_t guard = guarded_ ? kGuardBytes : 0;
    void* pointer = nullptr;
    const bool failed = posix_memalign(&pointer, alignment, bytes + guard) != 0;
    if (!failed) {
        std::memset(pointer, kPoison, bytes);
        std::memset(static_cast<unsigned char*>(pointer) + bytes, kGuard, guard);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failed) {
        used_[device] -= bytes;
        return nullptr;
    }
    blocks_.emplace(reinterpret_cast<uintptr_t>(pointer), Block{bytes, device});
    return pointer;
}

bool Allocations::take(void* pointer, bool& overwritten) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = blocks_.find(reinterpret_cast<uintptr_t>(pointer));
    if (found == blocks_.end()) {
        return false;
    }
    const auto* end = static_cast<const unsigned char*>(pointer) + found->second.bytes;
    overwritten = guarded_ && std::any_of(end, end + kGuardBytes, [](unsigned char byte) { return byte != kGuard; });
    used_[found->second.device] -= found->second.bytes;
    blocks_.erase(found);
    return true;
}

Allocations::Place Allocations::place(uintptr_t address, size_t bytes) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    auto next = blocks_.upper_bound(address);
    if (next == blocks_.begin()) {
        return Place::kOutside;
    }
    const auto& [begin, block] = *--next;
    const size_t offset = address - begin;
    if (offset >= block.bytes) {
        return Place::kOutside;
    }
    return bytes <= block.bytes - offset ? Place::kInside : Place::kOverrun;
}

size_t Allocations::used(int device) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = used_.find(device);
    return found == used_.end() ? 0 : found->second;
}

size_t Allocations::size() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return blocks_.size();
}

Allocations& device_memory() {
    static Allocations& instance = *new Allocations(true);
    return instance;
}

Allocations& host_memory() {
    static Allocations& instance = *new Allocations(false);
    return instance;
}

}  // namespace interfuse::driver

using namespace interfuse::driver;

CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    return in_context([&](Context& context) {
        if (free == nullptr || total == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *total = settings().memory;
        *free = *total - device_memory().used(context.device());
        return CUDA_SUCCESS;
    });
}

CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
    return in_context([&](Context& context) {
        if (pointer == nullptr || bytes == 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (Faults::instance().strikes(Faults::kAlloc)) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        void* memory = device_memory().allocate(context.device(), bytes, 256, settings().memory);
        if (memory == nullptr) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        *pointer = reinterpret_cast<uintptr_t>(memory);
        return CUDA_SUCCESS;
    });
}

CUresult cuMemFree_v2(CUdeviceptr pointer) {
    return free_in_context([&](Context&) {
        // As the real one: whatever may still use the memory ends first.
        synchronize_all_streams();
        bool overwritten = false;
        void* memory = reinterpret_cast<void*>(pointer);
        if (!device_memory().take(memory, overwritten)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        std::free(memory);
        if (overwritten) {
            say("cuMemFree: something wrote beyond the end of the device memory at 0x%llx", pointer);
            return CUDA_ERROR_ILLEGAL_ADDRESS;
        }
        return CUDA_SUCCESS;
    });
}

CUresult cuMemAllocHost_v2(void** pointer, size_t bytes) {
    return in_context([&](Context& context) {
        if (pointer == nullptr || bytes == 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (Faults::instance().strikes(Faults::kHostAlloc)) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        void* memory = host_memory().allocate(context.device(), bytes, 4096, SIZE_MAX);
        if (memory == nullptr) {
            return CUDA_ERROR_OUT_OF_MEMORY;
        }
        *pointer = memory;
        return CUDA_SUCCESS;
    });
}

CUresult cuMemFreeHost(void* pointer) {
    return free_in_context([&](Context&) {
        synchronize_all_streams();
        bool overwritten = false;
        if (!host_memory().take(pointer, overwritten)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        std::free(pointer);
        return CUDA_SUCCESS;
    });
}
