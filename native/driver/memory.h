// Device memory and pinned host memory. Both are ordinary memory of the process; what matters is that every access
// through the driver is checked against what was allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace interfuse::driver {

/// Live allocations of one kind, by address.
class Allocations {
public:
    enum class Place { kInside, kOutside, kOverrun };

    /// `guarded`: bytes after the allocation are watched, and `take` finds out if somebody wrote there.
    explicit Allocations(bool guarded) : guarded_(guarded) {}

    /// Null when there is no memory, or when `device` would exceed `limit`. The new bytes are 0xFF.
    void* allocate(int device, size_t bytes, size_t alignment, size_t limit);

    /// Takes an allocation out of the table, but does not yet release its memory. False: no allocation begins there.
    bool take(void* pointer, bool& overwritten);

    /// Where [address, address + bytes) lies: inside one allocation, beginning inside one and leaving it, or elsewhere.
    Place place(uintptr_t address, size_t bytes) const;

    size_t used(int device) const;
    size_t size() const;

private:
    struct Block {
        size_t bytes;
        int device;
    };

    const bool guarded_;
    mutable std::mutex mutex_;
    std::map<uintptr_t, Block> blocks_;
    std::map<int, size_t> used_;
};

Allocations& device_memory();
Allocations& host_memory();

}  // namespace interfuse::driver
