// A launch: its blocks, spread over processor threads, and what shared memory holds when a block begins. Also the
// module's one exported function.
#include "block.h"
#include "registration.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <mutex>
#include <system_error>
#include <thread>

namespace interfuse::simt {
namespace {

// Uninitialised memory reads as NaN, or as an absurd index, rather than as a harmless zero.
constexpr unsigned char kPoison = 0xFF;

// Few threads: starting others for them would cost more than they bring.
constexpr uint64_t kThreadsWorthSpreading = 8192;

// Every thread of a block is a thread to ThreadSanitizer too, and it can't have more than 8000.
constexpr uint32_t kMaxWorkers = kAddressSanitizer ? 1 : kThreadSanitizer ? 4 : 64;

const Kernel* kernels = nullptr;

// Executors that wait for the next launch, with the stacks they own. Exchanged without locks: a lock would order one
// launch after another for ThreadSanitizer and hide that streams do not.
std::atomic<BlockExecutor*> idle_executors[kMaxWorkers];

BlockExecutor* take_executor() {
    for (auto& slot : idle_executors) {
        if (BlockExecutor* executor = slot.exchange(nullptr)) {
            return executor;
        }
    }
    return new BlockExecutor;
}

void give_back(BlockExecutor* executor) {
    for (auto& slot : idle_executors) {
        BlockExecutor* empty = nullptr;
        if (slot.compare_exchange_strong(empty, executor)) {
            return;
        }
    }
    delete executor;
}

void close() {
    for (auto& slot : idle_executors) {
        delete slot.exchange(nullptr);
    }
}

// The calling thread's copy of the module's thread-local variables: every static __shared__ array, and `current`.
struct ThreadLocals {
    char* begin = nullptr;
    size_t size = 0;
};

int find_thread_locals(dl_phdr_info* info, size_t, void* found) {
    const auto* inside = reinterpret_cast<const char*>(&current);
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        auto* begin = static_cast<char*>(info->dlpi_tls_data);
        const size_t size = info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_TLS && begin != nullptr && inside >= begin && inside < begin + size) {
            *static_cast<ThreadLocals*>(found) = {begin, size};
            return 1;
        }
    }
    return 0;
}

// Not done under sanitizers: AddressSanitizer's build has redzones between the arrays, and to ThreadSanitizer a fill
// would be one more writer.
class SharedMemory {
public:
    explicit SharedMemory(uint32_t bytes) : bytes_(bytes) {
        if (posix_memalign(&dynamic_, 128, std::max<size_t>(bytes, 1)) != 0) {
            dynamic_ = nullptr;
        }
        if (!kAddressSanitizer && !kThreadSanitizer) {
            dl_iterate_phdr(&find_thread_locals, &static_);
        }
    }
    ~SharedMemory() { std::free(dynamic_); }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;

    unsigned char* dynamic() const { return static_cast<unsigned char*>(dynamic_); }

    void poison() {
        if (kThreadSanitizer) {
            return;
        }
        std::memset(dynamic_, kPoison, bytes_);
        if (static_.begin != nullptr) {
            const Current kept = current;
            std::memset(static_.begin, kPoison, static_.size);
            current = kept;
        }
    }

private:
    uint32_t bytes_;
    void* dynamic_ = nullptr;
    ThreadLocals static_;
};

class Blocks {
public:
    explicit Blocks(const Launch& launch)
        : launch_(launch), count_(static_cast<uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z) {}

    bool run() {
        const uint64_t threads = count_ * launch_.block.x * launch_.block.y * launch_.block.z;
        uint64_t workers = std::min<uint64_t>({launch_.threads, kMaxWorkers, count_});
        if (threads < kThreadsWorthSpreading) {
            workers = 1;
        }
        std::vector<std::thread> others;
        try {
            while (others.size() + 1 < workers) {
                others.emplace_back([this] { work(); });
            }
        } catch (const std::system_error&) {
            // The machine has no more threads to give; those there are do the work.
        }
        work();
        for (std::thread& other : others) {
            other.join();
        }
        return !failed_.load();
    }

private:
    void work() {
        BlockExecutor* executor = take_executor();
        SharedMemory shared(launch_.shared_bytes);
        if (shared.dynamic() == nullptr) {
            fail("no memory for the block's shared memory");
        }
        for (;;) {
            const uint64_t block = next_.fetch_add(1);
            if (block >= count_ || failed_.load()) {
                break;
            }
            shared.poison();
            const Dim3 index{static_cast<uint32_t>(block % launch_.grid.x),
                             static_cast<uint32_t>(block / launch_.grid.x % launch_.grid.y),
                             static_cast<uint32_t>(block / launch_.grid.x / launch_.grid.y)};
            if (!executor->run(launch_, index, shared.dynamic())) {
                fail(executor->message());
            }
        }
        give_back(executor);
    }

    void fail(const char* message) {
        if (!failed_.exchange(true)) {
            std::snprintf(launch_.message, launch_.message_size, "%s", message);
        }
    }

    const Launch& launch_;
    const uint64_t count_;
    std::atomic<uint64_t> next_{0};
    std::atomic<bool> failed_{false};
};

bool run(const Launch& launch) {
    if (!kAddressSanitizer) {
        return Blocks(launch).run();
    }
    // Static shared arrays exist once then, so launches from several streams take turns.
    static std::mutex one_at_a_time;
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    return Blocks(launch).run();
}

}  // namespace

void add_kernel(Kernel& kernel) {
    kernel.next = kernels;
    kernels = &kernel;
}

}  // namespace interfuse::simt

extern "C" __attribute__((visibility("default"))) const interfuse::simt::Module* interfuse_simt_module() {
    static interfuse::simt::Module module;
    module = {interfuse::simt::kModuleVersion, interfuse::simt::kernels, &interfuse::simt::run,
              &interfuse::simt::close};
    return &module;
}
