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

Registry<Stream>& streams() {
    static Registry<Stream>& instance = *new Registry<Stream>;
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
