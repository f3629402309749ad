#include "checks.h"

namespace interfuse::test {
namespace {

std::string text(CUresult status) {
    const char* name = nullptr;
    cuGetErrorName(status, &name);
    return name == nullptr ? std::to_string(status) : name;
}

}  // namespace

void expect_status(CUresult expected, CUresult actual, const std::string& call) {
    expect(expected == actual, call + ": " + text(actual) + ", expected " + text(expected));
}

void ok(CUresult status, const std::string& call) {
    expect_status(CUDA_SUCCESS, status, call);
}

WithContext::WithContext(CUdevice device) : device_(device) {
    ok(cuInit(0), "cuInit");
    CUcontext context = nullptr;
    ok(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
    ok(cuCtxSetCurrent(context), "cuCtxSetCurrent");
}

WithContext::~WithContext() {
    cuDevicePrimaryCtxRelease_v2(device_);
    cuCtxSetCurrent(nullptr);
}

WithModule::WithModule() {
    ok(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
    ok(cuModuleLoadData(&module, module_image().data()), "cuModuleLoadData");
}

WithModule::~WithModule() {
    cuModuleUnload(module);
    cuStreamDestroy_v2(stream);
}

CUfunction WithModule::function(const char* name) const {
    CUfunction found = nullptr;
    ok(cuModuleGetFunction(&found, module, name), std::string("cuModuleGetFunction ") + name);
    return found;
}

CUresult launch(CUfunction function, CUstream stream, unsigned grid, unsigned block, unsigned shared_bytes,
                BugArguments arguments) {
    void* parameters[] = {&arguments};
    return cuLaunchKernel(function, grid, 1, 1, block, 1, 1, shared_bytes, stream, parameters, nullptr);
}

void expect_nothing_live() {
    for (const char* kind : {"device_memory", "host_memory", "stream", "event", "module", "context"}) {
        expect(interfuse_software_live(kind) == 0, std::string("left behind: ") + kind + " " +
                                                       std::to_string(interfuse_software_live(kind)));
    }
}

}  // namespace interfuse::test
