namespace Interfuse.Compute.Cuda;

/// <summary>
/// The functions of the CUDA driver API that this program calls, each under the name of its entry point and with the
/// parameters of the vendor's manual, so that both can be looked up there.
/// </summary>
/// <remarks>They only pass on: what a status means is <see cref="CudaStatus"/>'s business.</remarks>
internal unsafe interface ICudaDriver
{
    // Errors
    CUresult cuGetErrorName(CUresult error, byte** pStr);
    CUresult cuGetErrorString(CUresult error, byte** pStr);

    // The driver and its devices
    CUresult cuInit(uint flags);
    CUresult cuDriverGetVersion(int* driverVersion);
    CUresult cuDeviceGetCount(int* count);
    CUresult cuDeviceGet(CUdevice* device, int ordinal);
    CUresult cuDeviceGetName(byte* name, int len, CUdevice dev);
    CUresult cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev);
    CUresult cuDeviceTotalMem_v2(nuint* bytes, CUdevice dev);

    // Contexts
    CUresult cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev);
    CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev);
    CUresult cuCtxSetCurrent(CUcontext ctx);

    // Memory
    CUresult cuMemGetInfo_v2(nuint* free, nuint* total);
    CUresult cuMemAlloc_v2(CUdeviceptr* dptr, nuint bytesize);
    CUresult cuMemFree_v2(CUdeviceptr dptr);
    CUresult cuMemAllocHost_v2(void** pp, nuint bytesize);
    CUresult cuMemFreeHost(void* p);
    CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, void* srcHost, nuint byteCount, CUstream hStream);
    CUresult cuMemcpyDtoHAsync_v2(void* dstHost, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream);
    CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream);
    CUresult cuMemsetD8Async(CUdeviceptr dstDevice, byte uc, nuint n, CUstream hStream);
    CUresult cuMemsetD32Async(CUdeviceptr dstDevice, uint ui, nuint n, CUstream hStream);

    // Streams
    CUresult cuStreamCreate(CUstream* phStream, CUstream_flags flags);
    CUresult cuStreamDestroy_v2(CUstream hStream);
    CUresult cuStreamSynchronize(CUstream hStream);
    CUresult cuStreamQuery(CUstream hStream);
    CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint flags);

    // Events
    CUresult cuEventCreate(CUevent* phEvent, CUevent_flags flags);
    CUresult cuEventRecord(CUevent hEvent, CUstream hStream);
    CUresult cuEventQuery(CUevent hEvent);
    CUresult cuEventSynchronize(CUevent hEvent);
    CUresult cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd);
    CUresult cuEventDestroy_v2(CUevent hEvent);

    // Kernels
    CUresult cuModuleLoadData(CUmodule* module, void* image);
    CUresult cuModuleUnload(CUmodule hmod);
    CUresult cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, byte* name);
    CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value);
    CUresult cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc);

    /// <summary>Drivers older than 12.4 lack it; then this is CUDA_ERROR_NOT_SUPPORTED.</summary>
    CUresult cuFuncGetParamInfo(CUfunction func, nuint paramIndex, nuint* paramOffset, nuint* paramSize);

    CUresult cuLaunchKernel(
        CUfunction f,
        uint gridDimX,
        uint gridDimY,
        uint gridDimZ,
        uint blockDimX,
        uint blockDimY,
        uint blockDimZ,
        uint sharedMemBytes,
        CUstream hStream,
        void** kernelParams,
        void** extra);
}
