// Modules, functions and launches.
#include "checks.h"

#include <cstring>

namespace {

using namespace interfuse::test;

const DriverCase images("main", "what is not a module of emulated kernels is refused", [] {
    const WithContext with;
    CUmodule module = nullptr;
    const unsigned char fatbin[64] = {0x50, 0xED, 0x55, 0xBA, 1, 0};
    expect_status(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&module, fatbin), "a fatbin");
    expect_status(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&module, ".version 7.8\n.target sm_80\n"), "PTX");
    expect_status(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&module, ""), "nothing");
    std::vector<char> other(module_image());
    other[18] = 0x28;  // e_machine: another processor's
    expect_status(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&module, other.data()), "another machine's library");
    other = module_image();
    std::memset(other.data() + 64, 0, 64 * 7);  // program headers
    expect_status(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&module, other.data()), "a damaged library");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuModuleLoadData(&module, nullptr), "null");
    expect(interfuse_software_live("module") == 0, "no module is left behind");
});

const DriverCase functions("main", "kernels are found by name", [] {
    const WithModule with;
    CUfunction function = nullptr;
    expect_status(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, with.module, "no_such_kernel"), "unknown");
    expect(with.function("good_slow") == with.function("good_slow"), "the same handle every time");
    size_t offset = 1;
    size_t size = 0;
    ok(cuFuncGetParamInfo(with.function("good_slow"), 0, &offset, &size), "cuFuncGetParamInfo");
    expect(offset == 0 && size == sizeof(BugArguments), "its one argument");
    expect_status(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(with.function("good_slow"), 1, &offset, &size), "1");
    int value = 0;
    ok(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, with.function("good_slow")), "attribute");
    expect(value == 1024, "threads of a block");
});

const DriverCase unloading("main", "a module can be unloaded while its kernels are queued, and loaded twice", [] {
    const WithModule with;
    CUmodule second = nullptr;
    CUfunction function = nullptr;
    CUdeviceptr memory = 0;
    ok(cuModuleLoadData(&second, module_image().data()), "cuModuleLoadData");
    expect(interfuse_software_live("module") == 2, "two modules");
    ok(cuModuleGetFunction(&function, second, "good_slow"), "cuModuleGetFunction");
    expect(function != with.function("good_slow"), "each has its own functions");
    ok(cuMemAlloc_v2(&memory, 1024), "cuMemAlloc");
    for (int i = 0; i < 3; ++i) {
        ok(launch(function, with.stream, 1, 256, 0, {memory, memory, 100, 0}), "launch");
    }
    ok(cuModuleUnload(second), "cuModuleUnload");
    expect_status(CUDA_ERROR_INVALID_HANDLE, launch(function, with.stream, 1, 256, 0, {memory, memory, 1, 0}), "late");
    ok(cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    ok(cuMemFree_v2(memory), "cuMemFree");
});

const DriverCase shapes("main", "impossible launches are refused", [] {
    const WithModule with;
    const CUfunction function = with.function("good_early_return");
    BugArguments arguments{};
    void* parameters[] = {&arguments};
    const unsigned bad[][6] = {{0, 1, 1, 1, 1, 1},     {1, 0, 1, 1, 1, 1},    {1, 1, 0, 1, 1, 1},
                               {1, 1, 1, 0, 1, 1},     {1, 1, 1, 1025, 1, 1}, {1, 1, 1, 32, 33, 1},
                               {1, 1, 1, 1, 1, 65},    {1, 65536, 1, 1, 1, 1}, {1, 1, 65536, 1, 1, 1},
                               {0x80000000u, 1, 1, 1, 1, 1}, {1, 1, 1, 65536, 65536, 1}};
    for (const auto& s : bad) {
        expect_status(CUDA_ERROR_INVALID_VALUE,
                      cuLaunchKernel(function, s[0], s[1], s[2], s[3], s[4], s[5], 0, with.stream, parameters, nullptr),
                      "cuLaunchKernel");
    }
    expect_status(CUDA_ERROR_INVALID_VALUE,
                  cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, with.stream, nullptr, nullptr), "no parameters");
    expect_status(CUDA_ERROR_INVALID_HANDLE, launch(function, nullptr, 1, 1, 0, {}), "the default stream");
});

const DriverCase shared("main", "more than 48 KB of shared memory has to be asked for", [] {
    const WithModule with;
    const CUfunction function = with.function("good_early_return");
    expect_status(CUDA_ERROR_INVALID_VALUE, launch(function, with.stream, 1, 32, 49153, {}), "launch");
    ok(launch(function, with.stream, 1, 32, 49152, {}), "launch");
    expect_status(CUDA_ERROR_INVALID_VALUE,
                  cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 232449), "too much");
    ok(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 232448), "cuFuncSetAttribute");
    int value = 0;
    ok(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, function), "cuFuncGetAttribute");
    expect(value == 232448, "what was set");
    ok(launch(function, with.stream, 1, 32, 232448, {}), "launch");
    ok(cuStreamSynchronize(with.stream), "cuStreamSynchronize");
});

const DriverCase copied("main", "a kernel's argument is copied when it is launched", [] {
    const WithModule with;
    CUdeviceptr memory = 0;
    ok(cuMemAlloc_v2(&memory, 1024), "cuMemAlloc");
    ok(cuMemsetD8Async(memory, 0, 1024, with.stream), "cuMemsetD8Async");
    BugArguments arguments{memory, memory, 2000, 0};
    void* parameters[] = {&arguments};
    ok(cuLaunchKernel(with.function("good_slow"), 1, 1, 1, 256, 1, 1, 0, with.stream, parameters, nullptr), "launch");
    ok(cuLaunchKernel(with.function("good_slow"), 1, 1, 1, 256, 1, 1, 0, with.stream, parameters, nullptr), "launch");
    arguments = BugArguments{};
    ok(cuStreamSynchronize(with.stream), "cuStreamSynchronize");
    float value = 0;
    ok(cuMemcpyDtoHAsync_v2(&value, memory, 4, with.stream), "DtoH");
    expect(value == 4000, "both launches had theirs");
    ok(cuMemFree_v2(memory), "cuMemFree");
});

}  // namespace
