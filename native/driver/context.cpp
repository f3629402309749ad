#include "context.h"

#include "faults.h"
#include "settings.h"

#include <cstdio>
#include <memory>
#include <vector>

namespace interfuse::driver {
namespace {

std::atomic<bool> initialised{false};
thread_local Context* current = nullptr;

// Never destroyed: at the process's end streams may still be at work.
const std::vector<std::unique_ptr<Context>>& contexts() {
    static const auto& instance = *[] {
        auto* result = new std::vector<std::unique_ptr<Context>>;
        for (int device = 0; device < settings().devices; ++device) {
            result->push_back(std::make_unique<Context>(device));
        }
        return result;
    }();
    return instance;
}

/// For functions that name a device and need no context.
template <class Body>
CUresult with_device(CUdevice device, Body body) {
    return guarded([&] {
        if (const CUresult status = begin_call(); status != CUDA_SUCCESS) {
            return status;
        }
        Context* context = context_of(device);
        return context == nullptr ? CUDA_ERROR_INVALID_DEVICE : body(*context);
    });
}

}  // namespace

bool Context::release() {
    int retains = retains_.load();
    do {
        if (retains == 0) {
            return false;
        }
    } while (!retains_.compare_exchange_weak(retains, retains - 1));
    if (retains == 1) {
        clear_failure();
    }
    return true;
}

void Context::fail(CUresult status) {
    int none = CUDA_SUCCESS;
    failure_.compare_exchange_strong(none, status);
}

Context* context_of(int device) {
    return device < 0 || device >= settings().devices ? nullptr : contexts()[static_cast<size_t>(device)].get();
}

CUresult begin_call() {
    if (Faults::instance().lost()) {
        return CUDA_ERROR_DEVICE_UNAVAILABLE;
    }
    return initialised ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

CUresult current_context(Context*& context) {
    if (current == nullptr) {
        return CUDA_ERROR_INVALID_CONTEXT;
    }
    if (!current->alive()) {
        return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    }
    context = current;
    return CUDA_SUCCESS;
}

}  // namespace interfuse::driver

using namespace interfuse::driver;

CUresult cuInit(unsigned flags) {
    return guarded([&] {
        if (begin_call() == CUDA_ERROR_DEVICE_UNAVAILABLE) {
            return CUDA_ERROR_DEVICE_UNAVAILABLE;
        }
        if (flags != 0 || settings().invalid) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (settings().devices == 0) {
            return CUDA_ERROR_NO_DEVICE;
        }
        initialised = true;
        return CUDA_SUCCESS;
    });
}

CUresult cuDriverGetVersion(int* version) {
    return guarded([&] {
        if (begin_call() == CUDA_ERROR_DEVICE_UNAVAILABLE) {
            return CUDA_ERROR_DEVICE_UNAVAILABLE;
        }
        if (version == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *version = 12040;
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceGetCount(int* count) {
    return guarded([&] {
        if (const CUresult status = begin_call(); status != CUDA_SUCCESS) {
            return status;
        }
        if (count == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *count = settings().devices;
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    return with_device(ordinal, [&](Context&) {
        if (device == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *device = ordinal;
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    return with_device(device, [&](Context&) {
        if (name == nullptr || length <= 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        std::snprintf(name, static_cast<size_t>(length), "Interfuse software device");
        return CUDA_SUCCESS;
    });
}

CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
    return with_device(device, [&](Context&) {
        if (bytes == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        *bytes = settings().memory;
        return CUDA_SUCCESS;
    });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    return with_device(device, [&](Context& found) {
        if (context == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        found.retain();
        *context = reinterpret_cast<CUcontext>(&found);
        return CUDA_SUCCESS;
    });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    return guarded([&] {
        const CUresult status = begin_call();
        Context* context = context_of(device);
        if (context == nullptr) {
            return CUDA_ERROR_INVALID_DEVICE;
        }
        const bool released = context->release();
        return status != CUDA_SUCCESS ? status : released ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
    });
}

CUresult cuCtxSetCurrent(CUcontext context) {
    return guarded([&] {
        if (const CUresult status = begin_call(); status != CUDA_SUCCESS) {
            return status;
        }
        if (context == nullptr) {
            current = nullptr;
            return CUDA_SUCCESS;
        }
        for (const auto& known : contexts()) {
            if (known.get() == reinterpret_cast<Context*>(context)) {
                if (!known->alive()) {
                    return CUDA_ERROR_CONTEXT_IS_DESTROYED;
                }
                current = known.get();
                return CUDA_SUCCESS;
            }
        }
        return CUDA_ERROR_INVALID_CONTEXT;
    });
}
