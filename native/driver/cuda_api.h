// The part of the CUDA driver API that Interfuse uses, spelled as in NVIDIA's manual. NVIDIA's own cuda.h is not needed
// to build anything here; numbers and signatures are theirs.
#pragma once

#include <cstddef>
#include <cstdint>

#define INTERFUSE_API extern "C" __attribute__((visibility("default")))

enum CUresult : int {
    CUDA_SUCCESS = 0,
    CUDA_ERROR_INVALID_VALUE = 1,
    CUDA_ERROR_OUT_OF_MEMORY = 2,
    CUDA_ERROR_NOT_INITIALIZED = 3,
    CUDA_ERROR_DEINITIALIZED = 4,
    CUDA_ERROR_STUB_LIBRARY = 34,
    CUDA_ERROR_DEVICE_UNAVAILABLE = 46,
    CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_INVALID_DEVICE = 101,
    CUDA_ERROR_INVALID_IMAGE = 200,
    CUDA_ERROR_INVALID_CONTEXT = 201,
    CUDA_ERROR_OPERATING_SYSTEM = 304,
    CUDA_ERROR_INVALID_HANDLE = 400,
    CUDA_ERROR_NOT_FOUND = 500,
    CUDA_ERROR_NOT_READY = 600,
    CUDA_ERROR_ILLEGAL_ADDRESS = 700,
    CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
    CUDA_ERROR_LAUNCH_FAILED = 719,
    CUDA_ERROR_NOT_SUPPORTED = 801,
    CUDA_ERROR_UNKNOWN = 999,
};

enum CUdevice_attribute : int {
    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 1,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X = 2,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y = 3,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z = 4,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X = 5,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y = 6,
    CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z = 7,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK = 8,
    CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY = 9,
    CU_DEVICE_ATTRIBUTE_WARP_SIZE = 10,
    CU_DEVICE_ATTRIBUTE_MAX_PITCH = 11,
    CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK = 12,
    CU_DEVICE_ATTRIBUTE_CLOCK_RATE = 13,
    CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT = 14,
    CU_DEVICE_ATTRIBUTE_GPU_OVERLAP = 15,
    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
    CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY = 19,
    CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS = 31,
    CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE = 36,
    CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH = 37,
    CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE = 38,
    CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR = 39,
    CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT = 40,
    CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING = 41,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR = 81,
    CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR = 82,
    CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97,
    CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR = 106,
    CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK = 111,
    CU_DEVICE_ATTRIBUTE_MAX = 144,
};

enum CUfunction_attribute : int {
    CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK = 0,
    CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES = 1,
    CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES = 2,
    CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES = 3,
    CU_FUNC_ATTRIBUTE_NUM_REGS = 4,
    CU_FUNC_ATTRIBUTE_PTX_VERSION = 5,
    CU_FUNC_ATTRIBUTE_BINARY_VERSION = 6,
    CU_FUNC_ATTRIBUTE_CACHE_MODE_CA = 7,
    CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
    CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
};

enum CUstream_flags : unsigned { CU_STREAM_DEFAULT = 0, CU_STREAM_NON_BLOCKING = 1 };

enum CUevent_flags : unsigned {
    CU_EVENT_DEFAULT = 0,
    CU_EVENT_BLOCKING_SYNC = 1,
    CU_EVENT_DISABLE_TIMING = 2,
};

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;

INTERFUSE_API CUresult cuInit(unsigned flags);
INTERFUSE_API CUresult cuDriverGetVersion(int* version);
INTERFUSE_API CUresult cuDeviceGetCount(int* count);
INTERFUSE_API CUresult cuDeviceGet(CUdevice* device, int ordinal);
INTERFUSE_API CUresult cuDeviceGetName(char* name, int length, CUdevice device);
INTERFUSE_API CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device);
INTERFUSE_API CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device);
INTERFUSE_API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device);
INTERFUSE_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device);
INTERFUSE_API CUresult cuCtxSetCurrent(CUcontext context);

INTERFUSE_API CUresult cuMemGetInfo_v2(size_t* free, size_t* total);
INTERFUSE_API CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes);
INTERFUSE_API CUresult cuMemFree_v2(CUdeviceptr pointer);
INTERFUSE_API CUresult cuMemAllocHost_v2(void** pointer, size_t bytes);
INTERFUSE_API CUresult cuMemFreeHost(void* pointer);
INTERFUSE_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr destination, const void* source, size_t bytes, CUstream stream);
INTERFUSE_API CUresult cuMemcpyDtoHAsync_v2(void* destination, CUdeviceptr source, size_t bytes, CUstream stream);
INTERFUSE_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr destination, CUdeviceptr source, size_t bytes, CUstream stream);
INTERFUSE_API CUresult cuMemsetD8Async(CUdeviceptr destination, unsigned char value, size_t count, CUstream stream);
INTERFUSE_API CUresult cuMemsetD32Async(CUdeviceptr destination, unsigned value, size_t count, CUstream stream);

INTERFUSE_API CUresult cuStreamCreate(CUstream* stream, unsigned flags);
INTERFUSE_API CUresult cuStreamDestroy_v2(CUstream stream);
INTERFUSE_API CUresult cuStreamSynchronize(CUstream stream);
INTERFUSE_API CUresult cuStreamQuery(CUstream stream);
INTERFUSE_API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags);
INTERFUSE_API CUresult cuEventCreate(CUevent* event, unsigned flags);
INTERFUSE_API CUresult cuEventRecord(CUevent event, CUstream stream);
INTERFUSE_API CUresult cuEventQuery(CUevent event);
INTERFUSE_API CUresult cuEventSynchronize(CUevent event);
INTERFUSE_API CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end);
INTERFUSE_API CUresult cuEventDestroy_v2(CUevent event);

INTERFUSE_API CUresult cuModuleLoadData(CUmodule* module, const void* image);
INTERFUSE_API CUresult cuModuleUnload(CUmodule module);
INTERFUSE_API CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name);
INTERFUSE_API CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value);
INTERFUSE_API CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function);
INTERFUSE_API CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t* offset, size_t* size);
INTERFUSE_API CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                                      unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                                      CUstream stream, void** parameters, void** extra);
INTERFUSE_API CUresult cuGetErrorName(CUresult error, const char** name);
INTERFUSE_API CUresult cuGetErrorString(CUresult error, const char** text);

// Ours, for tests in the same process.

/// Replaces the faults to inject (the form of INTERFUSE_SOFTWARE_FAULT; empty for none), restarts their counts, and
/// clears a sticky failure or a lost device.
INTERFUSE_API void interfuse_software_fault(const char* faults);

/// Objects not yet freed. `kind`: device_memory, host_memory, stream, event, module or context; -1 for any other.
INTERFUSE_API int64_t interfuse_software_live(const char* kind);
