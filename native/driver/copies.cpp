// Copies and fills. Ranges are checked when the call is made; the work is done when its turn comes.
#include "faults.h"
#include "memory.h"
#include "settings.h"
#include "stream.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace interfuse::driver;

namespace {

unsigned char* at(CUdeviceptr pointer) {
    return reinterpret_cast<unsigned char*>(pointer);
}

bool on_device(const char* call, CUdeviceptr pointer, size_t bytes) {
    if (device_memory().place(pointer, bytes) == Allocations::Place::kInside) {
        return true;
    }
    say("%s: %zu bytes at 0x%llx are not inside one allocation of device memory", call, bytes, pointer);
    return false;
}

/// False if the range begins in pinned memory and leaves it.
bool on_host(const char* call, const void* pointer, size_t bytes, bool& pinned) {
    const Allocations::Place place = host_memory().place(reinterpret_cast<uintptr_t>(pointer), bytes);
    pinned = place == Allocations::Place::kInside;
    if (pointer == nullptr || place == Allocations::Place::kOverrun) {
        say("%s: %zu bytes at %p are not inside one allocation of host memory", call, bytes, pointer);
        return false;
    }
    return true;
}

/// Runs `body(stream)`, which returns a status, for a copy or a fill of `bytes` bytes.
template <class Body>
CUresult transfer(CUstream handle, size_t bytes, Body body) {
    return with_stream(handle, [&](Stream& stream) { return bytes == 0 ? CUDA_SUCCESS : body(stream); });
}

template <class Body>
CUresult copy(CUstream handle, size_t bytes, Body body) {
    return transfer(handle, bytes, [&](Stream& stream) {
        return Faults::instance().strikes(Faults::kCopy) ? CUDA_ERROR_INVALID_VALUE : body(stream);
    });
}

}  // namespace

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr destination, const void* source, size_t bytes, CUstream stream) {
    return copy(stream, bytes, [&](Stream& found) {
        bool pinned = false;
        if (!on_device("cuMemcpyHtoDAsync", destination, bytes) ||
            !on_host("cuMemcpyHtoDAsync", source, bytes, pinned)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (pinned) {
            found.push([=] { std::memcpy(at(destination), source, bytes); });
        } else {
            // As documented: pageable memory is staged before the call returns, so the caller may reuse it at once.
            const auto* begin = static_cast<const unsigned char*>(source);
            auto staged = std::make_shared<std::vector<unsigned char>>(begin, begin + bytes);
            found.push([=] { std::memcpy(at(destination), staged->data(), bytes); });
        }
        return CUDA_SUCCESS;
    });
}

CUresult cuMemcpyDtoHAsync_v2(void* destination, CUdeviceptr source, size_t bytes, CUstream stream) {
    return copy(stream, bytes, [&](Stream& found) {
        bool pinned = false;
        if (!on_device("cuMemcpyDtoHAsync", source, bytes) ||
            !on_host("cuMemcpyDtoHAsync", destination, bytes, pinned)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        found.push([=] { std::memcpy(destination, at(source), bytes); });
        if (!pinned) {
            // As documented: a copy to pageable memory returns when it is complete.
            found.synchronize();
            return found.context().failure();
        }
        return CUDA_SUCCESS;
    });
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr destination, CUdeviceptr source, size_t bytes, CUstream stream) {
    return copy(stream, bytes, [&](Stream& found) {
        if (!on_device("cuMemcpyDtoDAsync", destination, bytes) || !on_device("cuMemcpyDtoDAsync", source, bytes)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        found.push([=] { std::memmove(at(destination), at(source), bytes); });
        return CUDA_SUCCESS;
    });
}

CUresult cuMemsetD8Async(CUdeviceptr destination, unsigned char value, size_t count, CUstream stream) {
    return transfer(stream, count, [&](Stream& found) {
        if (!on_device("cuMemsetD8Async", destination, count)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        found.push([=] { std::memset(at(destination), value, count); });
        return CUDA_SUCCESS;
    });
}

CUresult cuMemsetD32Async(CUdeviceptr destination, unsigned value, size_t count, CUstream stream) {
    return transfer(stream, count, [&](Stream& found) {
        if (destination % sizeof value != 0 || count > SIZE_MAX / sizeof value ||
            !on_device("cuMemsetD32Async", destination, count * sizeof value)) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        found.push([=] {
            auto* words = reinterpret_cast<unsigned*>(at(destination));
            std::fill(words, words + count, value);
        });
        return CUDA_SUCCESS;
    });
}
