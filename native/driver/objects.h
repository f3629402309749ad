// Tables of live objects by handle. A handle is the object's address; it is looked up, never followed.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace interfuse::driver {

template <class T>
class Registry {
public:
    /// The handle stays valid until `remove`; whoever got the object from `find` may keep it longer.
    const void* add(std::shared_ptr<T> object) {
        const void* handle = object.get();
        const std::lock_guard<std::mutex> lock(mutex_);
        objects_.emplace(handle, std::move(object));
        return handle;
    }

    /// Null for a handle that is not in the table.
    std::shared_ptr<T> find(const void* handle) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = objects_.find(handle);
        return found == objects_.end() ? nullptr : found->second;
    }

    /// Takes the object out. Null for a handle that is not in the table.
    std::shared_ptr<T> remove(const void* handle) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = objects_.find(handle);
        if (found == objects_.end()) {
            return nullptr;
        }
        std::shared_ptr<T> object = std::move(found->second);
        objects_.erase(found);
        return object;
    }

    std::vector<std::shared_ptr<T>> all() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<std::shared_ptr<T>> result;
        for (const auto& entry : objects_) {
            result.push_back(entry.second);
        }
        return result;
    }

    size_t size() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return objects_.size();
    }

private:
    mutable std::mutex mutex_;
    std::unordered_map<const void*, std::shared_ptr<T>> objects_;
};

}  // namespace interfuse::driver
