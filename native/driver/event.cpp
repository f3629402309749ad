#include "event.h"

#include "context.h"
#include "stream.h"

namespace interfuse::driver {

uint64_t Event::announce() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ++announced_;
}

void Event::reach(uint64_t number) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (number > reached_) {
            reached_ = number;
            at_ = Clock::now();
        }
    }
    changed_.notify_all();
}

uint64_t Event::latest() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return announced_;
}

void Event::wait(uint64_t number) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this, number] { return reached_ >= number; });
}

bool Event::done(Clock::time_point& at) {
    const std::lock_guard<std::mutex> lock(mutex_);
    at = at_;
    return reached_ >= announced_;
}

Registry<Event>& events() {
    static Registry<Event>& instance = *new Registry<Event>;
    return instance;
}

}  // namespace interfuse::driver

using namespace interfuse::driver;

namespace {

/// `body(event)` if the handle is an event's.
template <class Body>
CUresult with_event(CUevent handle, Body body) {
    return in_context([&](Context& context) {
        const std::shared_ptr<Event> event = events().find(handle);
        return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(context, event);
    });
}

}  // namespace

CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
    return with_stream(stream, [&](Stream& found) {
        std::shared_ptr<Event> awaited = events().find(event);
        if (awaited == nullptr) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        if (flags != 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        const uint64_t number = awaited->latest();
        found.push_always([awaited = std::move(awaited), number] { awaited->wait(number); });
        return CUDA_SUCCESS;
    });
}

CUresult cuEventCreate(CUevent* event, unsigned flags) {
    return in_context([&](Context&) {
        if (event == nullptr || (flags & ~(CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) != 0) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        const void* handle = events().add(std::make_shared<Event>((flags & CU_EVENT_DISABLE_TIMING) == 0));
        *event = static_cast<CUevent>(const_cast<void*>(handle));
        return CUDA_SUCCESS;
    });
}

CUresult cuEventRecord(CUevent event, CUstream stream) {
    return with_stream(stream, [&](Stream& found) {
        std::shared_ptr<Event> recorded = events().find(event);
        if (recorded == nullptr) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        const uint64_t number = recorded->announce();
        found.push_always([recorded = std::move(recorded), number] { recorded->reach(number); });
        return CUDA_SUCCESS;
    });
}

CUresult cuEventQuery(CUevent event) {
    return with_event(event, [](Context& context, const std::shared_ptr<Event>& found) {
        Event::Clock::time_point at;
        const bool done = found->done(at);
        const CUresult failure = context.failure();
        return failure != CUDA_SUCCESS ? failure : done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
    });
}

CUresult cuEventSynchronize(CUevent event) {
    return with_event(event, [](Context& context, const std::shared_ptr<Event>& found) {
        found->wait(found->latest());
        return context.failure();
    });
}

CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
    return with_event(start, [&](Context&, const std::shared_ptr<Event>& first) {
        const std::shared_ptr<Event> second = events().find(end);
        if (second == nullptr || !first->timed() || !second->timed() || first->latest() == 0 || second->latest() == 0) {
            return CUDA_ERROR_INVALID_HANDLE;
        }
        if (milliseconds == nullptr) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        Event::Clock::time_point from;
        Event::Clock::time_point to;
        if (!first->done(from) || !second->done(to)) {
            return CUDA_ERROR_NOT_READY;
        }
        *milliseconds = std::chrono::duration<float, std::milli>(to - from).count();
        return CUDA_SUCCESS;
    });
}

CUresult cuEventDestroy_v2(CUevent event) {
    return free_in_context([&](Context&) {
        return events().remove(event) == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
    });
}
