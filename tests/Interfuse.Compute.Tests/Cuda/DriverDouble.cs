using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>A driver that passes every call on, for tests that answer one of them differently.</summary>
internal unsafe class DriverDouble(ICudaDriver driver) : ICudaDriver
{
    public virtual CUresult cuGetErrorName(CUresult error, byte** pStr) => driver.cuGetErrorName(error, pStr);

    public virtual CUresult cuGetErrorString(CUresult error, byte** pStr) => driver.cuGetErrorString(error, pStr);

    public virtual CUresult cuInit(uint flags) => driver.cuInit(flags);

    public virtual CUresult cuDriverGetVersion(int* driverVersion) => driver.cuDriverGetVersion(driverVersion);

    public virtual CUresult cuDeviceGetCount(int* count) => driver.cuDeviceGetCount(count);

    public virtual CUresult cuDeviceGet(CUdevice* device, int ordinal) => driver.cuDeviceGet(device, ordinal);

    public virtual CUresult cuDeviceGetName(byte* name, int len, CUdevice dev) =>
        driver.cuDeviceGetName(name, len, dev);

    public virtual CUresult cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev) =>
        driver.cuDeviceGetAttribute(pi, attrib, dev);

    public virtual CUresult cuDeviceTotalMem_v2(nuint* bytes, CUdevice dev) => driver.cuDeviceTotalMem_v2(bytes, dev);

    public virtual CUresult cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev) =>
        driver.cuDevicePrimaryCtxRetain(pctx, dev);

    public virtual CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev) => driver.cuDevicePrimaryCtxRelease_v2(dev);

    public virtual CUresult cuCtxSetCurrent(CUcontext ctx) => driver.cuCtxSetCurrent(ctx);

    public virtual CUresult cuMemGetInfo_v2(nuint* free, nuint* total) => driver.cuMemGetInfo_v2(free, total);

    public virtual CUresult cuMemAlloc_v2(CUdeviceptr* dptr, nuint bytesize) => driver.cuMemAlloc_v2(dptr, bytesize);

    public virtual CUresult cuMemFree_v2(CUdeviceptr dptr) => driver.cuMemFree_v2(dptr);

    public virtual CUresult cuMemAllocHost_v2(void** pp, nuint bytesize) => driver.cuMemAllocHost_v2(pp, bytesize);

    public virtual CUresult cuMemFreeHost(void* p) => driver.cuMemFreeHost(p);

    public virtual CUresult cuMemcpyHtoDAsync_v2(
        CUdeviceptr dstDevice, void* srcHost, nuint byteCount, CUstream hStream) =>
        driver.cuMemcpyHtoDAsync_v2(dstDevice, srcHost, byteCount, hStream);

    public virtual CUresult cuMemcpyDtoHAsync_v2(
        void* dstHost, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream) =>
        driver.cuMemcpyDtoHAsync_v2(dstHost, srcDevice, byteCount, hStream);

    public virtual CUresult cuMemcpyDtoDAsync_v2(
        CUdeviceptr dstDevice, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream) =>
        driver.cuMemcpyDtoDAsync_v2(dstDevice, srcDevice, byteCount, hStream);

    public virtual CUresult cuMemsetD8Async(CUdeviceptr dstDevice, byte uc, nuint n, CUstream hStream) =>
        driver.cuMemsetD8Async(dstDevice, uc, n, hStream);

    public virtual CUresult cuMemsetD32Async(CUdeviceptr dstDevice, uint ui, nuint n, CUstream hStream) =>
        driver.cuMemsetD32Async(dstDevice, ui, n, hStream);

    public virtual CUresult cuStreamCreate(CUstream* phStream, CUstream_flags flags) =>
        driver.cuStreamCreate(phStream, flags);

    public virtual CUresult cuStreamDestroy_v2(CUstream hStream) => driver.cuStreamDestroy_v2(hStream);

    public virtual CUresult cuStreamSynchronize(CUstream hStream) => driver.cuStreamSynchronize(hStream);

    public virtual CUresult cuStreamQuery(CUstream hStream) => driver.cuStreamQuery(hStream);

    public virtual CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint flags) =>
        driver.cuStreamWaitEvent(hStream, hEvent, flags);

    public virtual CUresult cuEventCreate(CUevent* phEvent, CUevent_flags flags) =>
        driver.cuEventCreate(phEvent, flags);

    public virtual CUresult cuEventRecord(CUevent hEvent, CUstream hStream) => driver.cuEventRecord(hEvent, hStream);

    public virtual CUresult cuEventQuery(CUevent hEvent) => driver.cuEventQuery(hEvent);

    public virtual CUresult cuEventSynchronize(CUevent hEvent) => driver.cuEventSynchronize(hEvent);

    public virtual CUresult cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd) =>
        driver.cuEventElapsedTime(pMilliseconds, hStart, hEnd);

    public virtual CUresult cuEventDestroy_v2(CUevent hEvent) => driver.cuEventDestroy_v2(hEvent);

    public virtual CUresult cuModuleLoadData(CUmodule* module, void* image) => driver.cuModuleLoadData(module, image);

    public virtual CUresult cuModuleUnload(CUmodule hmod) => driver.cuModuleUnload(hmod);

    public virtual CUresult cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, byte* name) =>
        driver.cuModuleGetFunction(hfunc, hmod, name);

    public virtual CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value) =>
        driver.cuFuncSetAttribute(hfunc, attrib, value);

    public virtual CUresult cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc) =>
        driver.cuFuncGetAttribute(pi, attrib, hfunc);

    public virtual CUresult cuLaunchKernel(
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
        driver.cuLaunchKernel(
            f, gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ,
            sharedMemBytes, hStream, kernelParams, extra);

    public virtual CUresult cuFuncGetParamInfo(
        CUfunction func, nuint paramIndex, nuint* paramOffset, nuint* paramSize) =>
        driver.cuFuncGetParamInfo(func, paramIndex, paramOffset, paramSize);
}
