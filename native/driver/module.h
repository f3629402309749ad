// Modules: shared libraries of emulated kernels, loaded from memory.
#pragma once

#include "../simt/module.h"
#include "cuda_api.h"
#include "objects.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace interfuse::driver {

class Module {
public:
    /// Null, after a message, if the image is not a module of this kind.
    static std::shared_ptr<Module> load(const void* image);
    /// Unloads the library. Launches keep their module, so none is at work.
    ~Module();
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    const simt::Kernel* find(const char* name) const;
    bool run(const simt::Launch& launch) const { return module_->run(launch); }

private:
    Module(int file, void* library, const simt::Module* module) : file_(file), library_(library), module_(module) {}

    int file_;
    void* library_;
    const simt::Module* module_;
};

/// A kernel of a module, with the one attribute that can be set.
struct Function {
    std::shared_ptr<Module> module;
    const simt::Kernel* kernel;
    std::atomic<int> max_dynamic_shared_bytes;
};

Registry<Module>& modules();
Registry<Function>& functions();

}  // namespace interfuse::driver
