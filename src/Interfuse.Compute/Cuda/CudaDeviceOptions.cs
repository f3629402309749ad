namespace Interfuse.Compute.Cuda;

/// <summary>Which CUDA device to open, and how.</summary>
public sealed record CudaDeviceOptions
{
    /// <summary>The device's number, from 0 on, in the driver's order (see <c>CUDA_VISIBLE_DEVICES</c>).</summary>
    public int Ordinal { get; init; }

    /// <summary>The driver library's path; null for the one the vendor's driver installed.</summary>
    public string? DriverLibrary { get; init; }

    /// <summary>
    /// The path of the kernels' image; null for the one <c>INTERFUSE_FATBIN</c> names, or else the one in this build.
    /// </summary>
    public string? KernelImage { get; init; }

    /// <summary>
    /// The most device memory to hold, in bytes; null for 90 % of what is free when the device is opened.
    /// </summary>
    public long? MemoryBudget { get; init; }
}
