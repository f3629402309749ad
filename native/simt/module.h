// What the software driver and a module of emulated kernels agree on. A module is a shared library that exports
// one C function, `interfuse_simt_module`, which returns a `Module`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace interfuse::simt {

struct Dim3 {
    uint32_t x, y, z;
};

/// The order in which ready warps, and ready lanes within a warp, get their turn.
enum class Order : uint32_t { kForward, kReverse, kShuffled };

/// A kernel: its name, its one argument, and a function that runs it for the current thread.
struct Kernel {
    const char* name;
    uint32_t argument_size;
    uint32_t argument_alignment;
    void (*call)(const void* argument);
    const Kernel* next;
};

struct Launch {
    const Kernel* kernel;
    const void* argument;
    Dim3 grid;
    Dim3 block;
    uint32_t shared_bytes;
    /// Processor threads that blocks may be spread over, at least 1.
    uint32_t threads;
    Order order;
    uint64_t seed;
    /// Receives one line that says what went wrong.
    char* message;
    size_t message_size;
};

struct Module {
    uint32_t version;
    const Kernel* kernels;
    /// Runs a launch to its end. False: a thread failed and `message` says how.
    bool (*run)(const Launch& launch);
    /// Frees what launches keep for the next one. Nothing may run, and nothing may be run afterwards.
    void (*close)();
};

constexpr uint32_t kModuleVersion = 1;
constexpr const char* kModuleEntry = "interfuse_simt_module";
using ModuleEntry = const Module* (*)();

}  // namespace interfuse::simt
