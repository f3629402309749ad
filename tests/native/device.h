// The driver, opened by name as the engine opens it, with one context, one stream and one module.
#pragma once

#include "harness.h"

#include <map>
#include <string>

namespace interfuse::test {

class Device {
public:
    /// Opens the driver and loads the module; throws a `Failure` that says what is missing.
    static Device& instance();
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    CUstream stream() const { return stream_; }
    CUfunction function(const char* kernel);

    std::string name_of(CUresult status) const;
    /// Throws unless `status` is CUDA_SUCCESS.
    void check(CUresult status, const std::string& call) const;

    /// Fails the running case from where nothing can be thrown. `take_failure` returns the message and forgets it.
    void fail_case(const std::string& message) { failure_ = message; }
    std::string take_failure();

    /// What the software driver counts as not freed; empty if there is nothing, or if the driver is another one.
    std::string leaks();

    decltype(&::cuMemAlloc_v2) cuMemAlloc_v2;
    decltype(&::cuMemFree_v2) cuMemFree_v2;
    decltype(&::cuMemcpyHtoDAsync_v2) cuMemcpyHtoDAsync_v2;
    decltype(&::cuMemcpyDtoHAsync_v2) cuMemcpyDtoHAsync_v2;
    decltype(&::cuStreamSynchronize) cuStreamSynchronize;
    decltype(&::cuLaunchKernel) cuLaunchKernel;
    decltype(&::cuFuncSetAttribute) cuFuncSetAttribute;
    /// Null in drivers before 12.4.
    decltype(&::cuFuncGetParamInfo) cuFuncGetParamInfo;

private:
    Device();

    /// Looks a function of the driver up; throws if it isn't there.
    template <class Function>
    void bind(Function& function, const char* name);

    std::string driver_name_;
    void* library_ = nullptr;
    CUdevice device_ = 0;
    CUstream stream_ = nullptr;
    CUmodule module_ = nullptr;
    std::map<std::string, CUfunction> functions_;
    std::string failure_;
};

}  // namespace interfuse::test
