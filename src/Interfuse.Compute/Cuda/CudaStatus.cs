using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>Turns the driver's statuses into exceptions.</summary>
internal static unsafe class CudaStatus
{
    /// <summary>Throws unless a call succeeded.</summary>
    /// <param name="driver">The driver, which knows the names of its statuses.</param>
    /// <param name="status">What the call returned.</param>
    /// <param name="call">The call; the compiler fills it in.</param>
    /// <exception cref="CudaDriverException">The call failed.</exception>
    public static void Check(
        this ICudaDriver driver, CUresult status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CUresult.CUDA_SUCCESS)
        {
            throw driver.Failure(status, call);
        }
    }

    /// <summary>The exception for a status that is not success.</summary>
    public static CudaDriverException Failure(this ICudaDriver driver, CUresult status, string call)
    {
        byte* name = null;
        byte* description = null;
        _ = driver.cuGetErrorName(status, &name);
        _ = driver.cuGetErrorString(status, &description);
        return new CudaDriverException(
            (int)status,
            Marshal.PtrToStringUTF8((nint)name) ?? "an error unknown to the driver",
            FunctionName(call),
            Marshal.PtrToStringUTF8((nint)description),
            Advice(status));
    }

    /// <summary>Whether no later call of this process can succeed on the device.</summary>
    public static bool IsFatal(CUresult status) => status
        is CUresult.CUDA_ERROR_ECC_UNCORRECTABLE
        or CUresult.CUDA_ERROR_ILLEGAL_ADDRESS
        or CUresult.CUDA_ERROR_LAUNCH_TIMEOUT
        or CUresult.CUDA_ERROR_MISALIGNED_ADDRESS
        or CUresult.CUDA_ERROR_LAUNCH_FAILED
        or CUresult.CUDA_ERROR_UNKNOWN;

    // "Driver.cuMemAlloc_v2(&pointer, size)" is cuMemAlloc_v2.
    private static string FunctionName(string call)
    {
        int end = call.IndexOf('(', StringComparison.Ordinal);
        string path = end < 0 ? call : call[..end];
        return end < 0 ? path : path[(path.LastIndexOf('.') + 1)..];
    }

    private static string? Advice(CUresult status) => status switch
    {
        CUresult.CUDA_ERROR_STUB_LIBRARY
            => "a linker stub was loaded instead of a driver: take the toolkit's stubs off the library path",
        CUresult.CUDA_ERROR_DEVICE_UNAVAILABLE
            => "another process has the device for itself, or the device is lost: see what nvidia-smi says of it",
        CUresult.CUDA_ERROR_ECC_UNCORRECTABLE => "the device's memory is damaged: reset the device, or use another",
        CUresult.CUDA_ERROR_INVALID_IMAGE or CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU
            or CUresult.CUDA_ERROR_INVALID_PTX or CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION
            => "the kernels were not built for this device and driver: build them again, or update the driver",
        CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH or CUresult.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE
            => "the driver's library and its kernel module differ: restart the machine after updating the driver",
        CUresult.CUDA_ERROR_NOT_FOUND
            => "the kernels are of another version than this program: build both from the same sources",
        _ when IsFatal(status) => "the device has given up the work of this process: start it again",
        _ => null,
    };
}
