namespace Interfuse.Compute.Cuda;

/// <summary>The CUDA driver by way of source-generated imports: the default binding.</summary>
/// <remarks>
/// Imports are static; the instance is what the rest of the program holds, and proof that a library is bound.
/// </remarks>
internal sealed unsafe partial class NvCuda : ICudaDriver
{
    private readonly delegate* unmanaged<CUfunction, nuint, nuint*, nuint*, CUresult> _cuFuncGetParamInfo;

    private NvCuda(nint paramInfo)
    {
        _cuFuncGetParamInfo = (delegate* unmanaged<CUfunction, nuint, nuint*, nuint*, CUresult>)paramInfo;
    }

    public CUresult cuFuncGetParamInfo(CUfunction func, nuint paramIndex, nuint* paramOffset, nuint* paramSize) =>
        _cuFuncGetParamInfo is null
            ? CUresult.CUDA_ERROR_NOT_SUPPORTED
            : _cuFuncGetParamInfo(func, paramIndex, paramOffset, paramSize);

    public CUresult cuGetErrorName(CUresult error, byte** pStr) => Imports.cuGetErrorName(error, pStr);

    public CUresult cuGetErrorString(CUresult error, byte** pStr) => Imports.cuGetErrorString(error, pStr);

    public CUresult cuInit(uint flags) => Imports.cuInit(flags);

    public CUresult cuDriverGetVersion(int* driverVersion) => Imports.cuDriverGetVersion(driverVersion);

    public CUresult cuDeviceGetCount(int* count) => Imports.cuDeviceGetCount(count);

    public CUresult cuDeviceGet(CUdevice* device, int ordinal) => Imports.cuDeviceGet(device, ordinal);

    public CUresult cuDeviceGetName(byte* name, int len, CUdevice dev) => Imports.cuDeviceGetName(name, len, dev);

    public CUresult cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev) =>
        Imports.cuDeviceGetAttribute(pi, attrib, dev);

    public CUresult cuDeviceTotalMem_v2(nuint* bytes, CUdevice dev) => Imports.cuDeviceTotalMem_v2(bytes, dev);

    public CUresult cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev) =>
        Imports.cuDevicePrimaryCtxRetain(pctx, dev);

    public CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev) => Imports.cuDevicePrimaryCtxRelease_v2(dev);

    public CUresult cuCtxSetCurrent(CUcontext ctx) => Imports.cuCtxSetCurrent(ctx);

    public CUresult cuMemGetInfo_v2(nuint* free, nuint* total) => Imports.cuMemGetInfo_v2(free, total);

    public CUresult cuMemAlloc_v2(CUdeviceptr* dptr, nuint bytesize) => Imports.cuMemAlloc_v2(dptr, bytesize);

    public CUresult cuMemFree_v2(CUdeviceptr dptr) => Imports.cuMemFree_v2(dptr);

    public CUresult cuMemAllocHost_v2(void** pp, nuint bytesize) => Imports.cuMemAllocHost_v2(pp, bytesize);

    public CUresult cuMemFreeHost(void* p) => Imports.cuMemFreeHost(p);

    public CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, void* srcHost, nuint byteCount, CUstream hStream) =>
        Imports.cuMemcpyHtoDAsync_v2(dstDevice, srcHost, byteCount, hStream);

    public CUresult cuMemcpyDtoHAsync_v2(void* dstHost, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream) =>
        Imports.cuMemcpyDtoHAsync_v2(dstHost, srcDevice, byteCount, hStream);

    public CUresult cuMemcpyDtoDAsync_v2(
        CUdeviceptr dstDevice, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream) =>
        Imports.cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, byteCount, hStream);

    public CUresult cuMemsetD8Async(CUdeviceptr dstDevice, byte uc, nuint n, CUstream hStream) =>
        Imports.cuMemsetD8Async(dstDevice, uc, n, hStream);

    public CUresult cuMemsetD32Async(CUdeviceptr dstDevice, uint ui, nuint n, CUstream hStream) =>
        Imports.cuMemsetD32Async(dstDevice, ui, n, hStream);

    public CUresult cuStreamCreate(CUstream* phStream, CUstream_flags flags) => Imports.cuStreamCreate(phStream, flags);

    public CUresult cuStreamDestroy_v2(CUstream hStream) => Imports.cuStreamDestroy_v2(hStream);

    public CUresult cuStreamSynchronize(CUstream hStream) => Imports.cuStreamSynchronize(hStream);

    public CUresult cuStreamQuery(CUstream hStream) => Imports.cuStreamQuery(hStream);

    public CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint flags) =>
        Imports.cuStreamWaitEvent(hStream, hEvent, flags);

    public CUresult cuEventCreate(CUevent* phEvent, CUevent_flags flags) => Imports.cuEventCreate(phEvent, flags);

    public CUresult cuEventRecord(CUevent hEvent, CUstream hStream) => Imports.cuEventRecord(hEvent, hStream);

    public CUresult cuEventQuery(CUevent hEvent) => Imports.cuEventQuery(hEvent);

    public CUresult cuEventSynchronize(CUevent hEvent) => Imports.cuEventSynchronize(hEvent);

    public CUresult cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd) =>
        Imports.cuEventElapsedTime(pMilliseconds, hStart, hEnd);

    public CUresult cuEventDestroy_v2(CUevent hEvent) => Imports.cuEventDestroy_v2(hEvent);

    public CUresult cuModuleLoadData(CUmodule* module, void* image) => Imports.cuModuleLoadData(module, image);

    public CUresult cuModuleUnload(CUmodule hmod) => Imports.cuModuleUnload(hmod);

    public CUresult cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, byte* name) =>
        Imports.cuModuleGetFunction(hfunc, hmod, name);

    public CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) =>
        Imports.cuFuncSetAttribute(hfunc, attrib, value);

    public CUresult cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc) =>
        Imports.cuFuncGetAttribute(pi, attrib, hfunc);

    public CUresult cuLaunchKernel(
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
        void** extra) =>
        Imports.cuLaunchKernel(
            f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ,
            sharedMemBytes, hStream, kernelParams, extra);
}
