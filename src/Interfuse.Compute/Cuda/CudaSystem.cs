using System.Globalization;
using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>What the driver says about this machine, before anything is taken.</summary>
/// <param name="Device">The chosen device's handle.</param>
/// <param name="Name">Its name.</param>
/// <param name="Multiprocessors">How many multiprocessors it has.</param>
internal sealed record CudaSystem(CUdevice Device, string Name, int Multiprocessors)
{
    // The kernels are built for this compute capability (Ampere) and later ones.
    private const int LowestMajor = 8;

    /// <summary>Starts the driver and looks a device up.</summary>
    /// <exception cref="DeviceUnavailableException">There is no such device, or it is too old.</exception>
    /// <exception cref="CudaDriverException">The driver fails in another way.</exception>
    public static unsafe CudaSystem Find(ICudaDriver driver, int ordinal)
    {
        CUresult status = driver.cuInit(0);
        if (status != CUresult.CUDA_SUCCESS)
        {
            CudaDriverException failure = driver.Failure(status, nameof(ICudaDriver.cuInit));
            throw new DeviceUnavailableException("cuda", failure.Message, failure);
        }

        int count;
        driver.Check(driver.cuDeviceGetCount(&count));
        if (ordinal >= count)
        {
            throw new DeviceUnavailableException(
                "cuda", $"there is no CUDA device {ordinal}; the driver knows {count}, counted from 0");
        }

        CUdevice device;
        driver.Check(driver.cuDeviceGet(&device, ordinal));
        string name = $"{DeviceName(driver, device)} (CUDA device {ordinal})";
        int major = Attribute(driver, device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
        int minor = Attribute(driver, device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
        if (major < LowestMajor)
        {
            throw new DeviceUnavailableException(
                "cuda",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name} has compute capability {major}.{minor}; the kernels need {LowestMajor}.0 (Ampere) or later"));
        }

        return new CudaSystem(
            device, name, Attribute(driver, device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
    }

    private static unsafe int Attribute(ICudaDriver driver, CUdevice device, CUdevice_attribute attribute)
    {
        int value;
        driver.Check(driver.cuDeviceGetAttribute(&value, attribute, device));
        return value;
    }

    private static unsafe string DeviceName(ICudaDriver driver, CUdevice device)
    {
        const int Length = 256;
        byte* text = stackalloc byte[Length];
        driver.Check(driver.cuDeviceGetName(text, Length, device));
        return Marshal.PtrToStringUTF8((nint)text) ?? "";
    }
}
