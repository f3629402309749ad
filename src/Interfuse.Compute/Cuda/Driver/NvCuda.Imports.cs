using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

internal sealed unsafe partial class NvCuda
{
    private const string Library = "cuda";

    /// <summary>The entry points, verbatim. Which library they are in is the resolver's business.</summary>
    private static partial class Imports
    {
        [LibraryImport(Library)]
        internal static partial CUresult cuGetErrorName(CUresult error, byte** pStr);

        [LibraryImport(Library)]
        internal static partial CUresult cuGetErrorString(CUresult error, byte** pStr);

        [LibraryImport(Library)]
        internal static partial CUresult cuInit(uint flags);

        [LibraryImport(Library)]
        internal static partial CUresult cuDriverGetVersion(int* driverVersion);

        [LibraryImport(Library)]
        internal static partial CUresult cuDeviceGetCount(int* count);

        [LibraryImport(Library)]
        internal static partial CUresult cuDeviceGet(CUdevice* device, int ordinal);

        [LibraryImport(Library)]
        internal static partial CUresult cuDeviceGetName(byte* name, int len, CUdevice dev);

        [LibraryImport(Library)]
        internal static partial CUresult cuDeviceGetAttribute(int* pi, CUdevice_attribute attrib, CUdevice dev);

        [LibraryImport(Library)]
        internal static partial CUresult cuDeviceTotalMem_v2(nuint* bytes, CUdevice dev);

        [LibraryImport(Library)]
        internal static partial CUresult cuDevicePrimaryCtxRetain(CUcontext* pctx, CUdevice dev);

        [LibraryImport(Library)]
        internal static partial CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev);

        [LibraryImport(Library)]
        internal static partial CUresult cuCtxSetCurrent(CUcontext ctx);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemGetInfo_v2(nuint* free, nuint* total);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemAlloc_v2(CUdeviceptr* dptr, nuint bytesize);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemFree_v2(CUdeviceptr dptr);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemAllocHost_v2(void** pp, nuint bytesize);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemFreeHost(void* p);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemcpyHtoDAsync_v2(
            CUdeviceptr dstDevice, void* srcHost, nuint byteCount, CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemcpyDtoHAsync_v2(
            void* dstHost, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemcpyDtoDAsync_v2(
            CUdeviceptr dstDevice, CUdeviceptr srcDevice, nuint byteCount, CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemsetD8Async(CUdeviceptr dstDevice, byte uc, nuint n, CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuMemsetD32Async(CUdeviceptr dstDevice, uint ui, nuint n, CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuStreamCreate(CUstream* phStream, CUstream_flags flags);

        [LibraryImport(Library)]
        internal static partial CUresult cuStreamDestroy_v2(CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuStreamSynchronize(CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuStreamQuery(CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint flags);

        [LibraryImport(Library)]
        internal static partial CUresult cuEventCreate(CUevent* phEvent, CUevent_flags flags);

        [LibraryImport(Library)]
        internal static partial CUresult cuEventRecord(CUevent hEvent, CUstream hStream);

        [LibraryImport(Library)]
        internal static partial CUresult cuEventQuery(CUevent hEvent);

        [LibraryImport(Library)]
        internal static partial CUresult cuEventSynchronize(CUevent hEvent);

        [LibraryImport(Library)]
        internal static partial CUresult cuEventElapsedTime(float* pMilliseconds, CUevent hStart, CUevent hEnd);

        [LibraryImport(Library)]
        internal static partial CUresult cuEventDestroy_v2(CUevent hEvent);

        [LibraryImport(Library)]
        internal static partial CUresult cuModuleLoadData(CUmodule* module, void* image);

        [LibraryImport(Library)]
        internal static partial CUresult cuModuleUnload(CUmodule hmod);

        [LibraryImport(Library)]
        internal static partial CUresult cuModuleGetFunction(CUfunction* hfunc, CUmodule hmod, byte* name);

        [LibraryImport(Library)]
        internal static partial CUresult cuFuncSetAttribute(CUfunction hfunc, CUfunction_attribute attrib, int value);

        [LibraryImport(Library)]
        internal static partial CUresult cuFuncGetAttribute(int* pi, CUfunction_attribute attrib, CUfunction hfunc);

        [LibraryImport(Library)]
        internal static partial CUresult cuLaunchKernel(
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
}
