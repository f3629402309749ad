// What the driver's tests share. They are linked with the software driver and call it as any program would.
#pragma once

#include "driver/cuda_api.h"
#include "harness.h"

#include <functional>
#include <string>
#include <vector>

namespace interfuse::test {

/// A test of the driver. `group` is the process it runs in: the tests of one group share an environment.
class DriverCase {
public:
    DriverCase(const char* group, const char* name, std::function<void()> body);
};

/// Throws unless `actual` is `expected`; names both.
void expect_status(CUresult expected, CUresult actual, const std::string& call);

/// Throws unless `status` is CUDA_SUCCESS.
void ok(CUresult status, const std::string& call);

/// The current context of device 0 for as long as the object lives.
class WithContext {
public:
    explicit WithContext(CUdevice device = 0);
    ~WithContext();
    WithContext(const WithContext&) = delete;
    WithContext& operator=(const WithContext&) = delete;

private:
    CUdevice device_;
};

/// A context, a stream and the module of deliberate_bugs.cu.
class WithModule : public WithContext {
public:
    WithModule();
    ~WithModule();

    CUstream stream = nullptr;
    CUmodule module = nullptr;

    CUfunction function(const char* name) const;
};

/// The argument of the kernels in deliberate_bugs.cu.
struct BugArguments {
    CUdeviceptr data;
    CUdeviceptr result;
    unsigned count;
    unsigned unused;
};

CUresult launch(CUfunction function, CUstream stream, unsigned grid, unsigned block, unsigned shared_bytes,
                BugArguments arguments);

/// The image of deliberate_bugs.cu.
const std::vector<char>& module_image();

/// Throws unless the driver counts nothing as live.
void expect_nothing_live();

}  // namespace interfuse::test
