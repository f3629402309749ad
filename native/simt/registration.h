// The list of a module's kernels.
#pragma once

#include "module.h"

#include <type_traits>

namespace interfuse::simt {

/// Adds a kernel to the list that the module shows to the driver.
void add_kernel(Kernel& kernel);

/// A kernel takes one argument, a struct by value. Each thread gets its own copy of what the launch was given.
template <auto Function>
class Registration;

template <class Argument, void (*Function)(Argument)>
class Registration<Function> {
public:
    explicit Registration(const char* name)
        : kernel_{name, sizeof(Argument), alignof(Argument), &Registration::call, nullptr} {
        add_kernel(kernel_);
    }

private:
    static_assert(std::is_class_v<Argument> && std::is_trivially_copyable_v<Argument>,
                  "a kernel's one parameter is a plain struct");
    static_assert(sizeof(Argument) <= 4096, "a kernel's argument has to fit 4 KB");

    static void call(const void* argument) { Function(*static_cast<const Argument*>(argument)); }

    Kernel kernel_;
};

}  // namespace interfuse::simt
