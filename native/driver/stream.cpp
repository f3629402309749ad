#include "stream.h"

#include "settings.h"

namespace interfuse::driver {

Stream::~Stream() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    worker_.join();
}

void Stream::push(std::function<void()> work) {
    push_always([this, work = std::move(work)] {
        if (context_.failure() == CUDA_SUCCESS) {
            work();
        }
    });
}

void Stream::push_always(std::function<void()> work) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.push_back(std::move(work));
    }
    changed_.notify_all();
}

void Stream::synchronize() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
}

bool Stream::idle() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return queue_.empty() && !busy_;
}

void Stream::work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) {
            return;
        }
        std::function<void()> next = std::move(queue_.front());
        queue_.pop_front();
        busy_ = true;
        lock.unlock();
        next();
        // What the work held is let go before anybody is told that it is done.
        next = nullptr;
        lock.lock();
        busy_ = false;
        if (queue_.empty()) {
            changed_.notify_all();
        }
    }
}

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

Registry<Stream>& streams() {
    static Registry<Stream>& instance = *new Registry<Stream>;
    return instance;
}

Registry<Event>& events() {
    static Registry<Event>& instance = *new Registry<Event>;
    return instance;
}

std::shared_ptr<Stream> find_stream(CUstream stream) {
    if (stream == nullptr) {
        say("the default stream is not supported: create a stream and pass it");
    }
    return streams().find(stream);
}

void synchronize_all_streams() {
    for (const auto& stream : streams().all()) {
        stream->synchronize();
    }
}

}  // namespace interfuse::driver

using namespace interfuse::driver;

namespace {

/// `body(stream)` if the handle is a stream's.
template <class Body>
CUresult with_stream(CUstream handle, Body body) {
    return in_context([&](Context&) {
        const std::shared_ptr<Stream> stream = find_stream(handle);
        return stream == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(*stream);
    });
}

/// `body(event)` if the handle is an event's.
template <class Body>
CUresult with_event(CUevent handle, Body body) {
    return in_context([&](Context& context) {
        const std::shared_ptr<Event> event = events().find(handle);
        return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : body(context, event);
    });
}

}  // namespace

CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
    return in_context([&](Context& context) {
        if (stream == nullptr || flags > CU_STREAM_NON_BLOCKING) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        const void* handle = streams().add(std::make_shared<Stream>(context));
        *stream = static_cast<CUstream>(const_cast<void*>(handle));
        return CUDA_SUCCESS;
    });
}

CUresult cuStreamDestroy_v2(CUstream stream) {
    return free_in_context([&](Context&) {
        // The destructor, here or with the last thread that still holds the stream, finishes what is queued.
        return streams().remove(stream) == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
    });
}

CUresult cuStreamSynchronize(CUstream stream) {
    return with_stream(stream, [](Stream& found) {
        found.synchronize();
        return found.context().failure();
    });
}

CUresult cuStreamQuery(CUstream stream) {
    return with_stream(stream, [](Stream& found) {
        const bool idle = found.idle();
        const CUresult failure = found.context().failure();
        return failure != CUDA_SUCCESS ? failure : idle ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
    });
}

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
