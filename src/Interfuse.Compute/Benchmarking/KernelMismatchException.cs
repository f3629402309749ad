namespace Interfuse.Compute.Benchmarking;

/// <summary>An operation gives another result on a device than on the reference: a bug of ours.</summary>
public sealed class KernelMismatchException : Exception
{
    internal KernelMismatchException(string kernel, string device, string difference)
        : base($"{kernel} is wrong on {device}: {difference}")
    {
        Kernel = kernel;
        Device = device;
    }

    /// <summary>Which operation, on what input.</summary>
    public string Kernel { get; }

    /// <summary>The device whose result is wrong.</summary>
    public string Device { get; }
}
