namespace Interfuse.Compute.Cuda;

/// <summary>
/// The software CUDA driver: the kernels themselves, compiled for the processor, under the functions of a CUDA driver.
/// </summary>
/// <remarks>
/// A test instrument. It shows what the CUDA path does on machines without a GPU, and can be told to fail
/// (<c>INTERFUSE_SOFTWARE_FAULT</c>). It is slow, and nothing chooses it by itself.
/// </remarks>
public static class SoftwareCuda
{
    /// <summary>The environment variable that names the directory of the two libraries.</summary>
    public const string Variable = "INTERFUSE_SOFTWARE_DRIVER";

    /// <summary>The driver's file name.</summary>
    public const string DriverFile = "libinterfuse_software_cuda.so";

    /// <summary>The kernels' file name.</summary>
    public const string KernelsFile = "interfuse_software_kernels.so";

    private const string DeviceName = "software";

    /// <summary>Opens the software device.</summary>
    /// <param name="memoryBudget">The most memory to hold, in bytes; null for 90 % of what is free.</param>
    /// <exception cref="DeviceUnavailableException">
    /// The libraries are neither in the directory that <see cref="Variable"/> names nor, where it names none, beside
    /// the application; or this process uses another CUDA driver.
    /// </exception>
    public static CudaDevice Open(long? memoryBudget = null)
    {
        string? named = Environment.GetEnvironmentVariable(Variable);
        string directory = string.IsNullOrEmpty(named) ? AppContext.BaseDirectory : named;
        try
        {
            return CudaDevice.Open(new CudaDeviceOptions
            {
                DriverLibrary = Find(directory, DriverFile),
                KernelImage = Find(directory, KernelsFile),
                MemoryBudget = memoryBudget,
            });
        }
        catch (DeviceUnavailableException e) when (e.Device != DeviceName)
        {
            throw new DeviceUnavailableException(DeviceName, e.Reason, e);
        }
    }

    private static string Find(string directory, string file)
    {
        string path = Path.Combine(directory, file);
        return File.Exists(path)
            ? path
            : throw new DeviceUnavailableException(
                DeviceName,
                $"{path} does not exist; build it (cmake -S . -B build/native && cmake --build build/native) and name "
                + $"its directory in the environment variable {Variable}");
    }
}
