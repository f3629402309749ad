using System.Globalization;
using Interfuse.Compute.Cuda;

namespace Interfuse.Compute;

/// <summary>A device, and why it is this one.</summary>
/// <param name="Device">The device; the caller disposes of it.</param>
/// <param name="Why">What was chosen and why, as a sentence for people, without a full stop.</param>
public sealed record DeviceChoice(Device Device, string Why);

/// <summary>Opens devices by the names users give them.</summary>
public static class Devices
{
    /// <summary>A CUDA device where one can be used, else the processor.</summary>
    public const string Auto = "auto";

    /// <summary>The machine's own processor.</summary>
    public const string Cpu = "cpu";

    /// <summary>The first CUDA device.</summary>
    public const string Cuda = "cuda";

    /// <summary>The software CUDA driver, a test instrument that <see cref="Auto"/> never chooses.</summary>
    public const string Software = "software";

    /// <summary>What <see cref="Open"/> understands.</summary>
    public static IReadOnlyList<string> Names { get; } = [Auto, Cpu, Cuda, Software];

    /// <summary>
    /// Opens a device. One that is named is opened or is an error; nothing else is used in its place.
    /// </summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="threads">How many threads the processor's device computes on, 1 or more.</param>
    /// <exception cref="DeviceUnavailableException">There is no such device, or it can't be used here.</exception>
    /// <exception cref="CudaDriverException">The CUDA driver fails.</exception>
    public static DeviceChoice Open(string name, int threads) => name switch
    {
        Auto => Choose(threads),
        Cpu => Named(new CpuDevice(threads), name),
        Cuda => Named(CudaDevice.Open(new CudaDeviceOptions()), name),
        Software => Named(SoftwareCuda.Open(), name),
        _ => throw new DeviceUnavailableException(name, $"there is none of this name; give {string.Join(", ", Names)}"),
    };

    private static DeviceChoice Named(Device device, string name) =>
        new(device, string.Create(CultureInfo.InvariantCulture, $"{device.Name}, since '{name}' was asked for"));

    private static DeviceChoice Choose(int threads)
    {
        try
        {
            CudaDevice cuda = CudaDevice.Open(new CudaDeviceOptions());
            return new DeviceChoice(cuda, $"{cuda.Name}, since it can be used");
        }
        catch (InterfuseException e)
        {
            var cpu = new CpuDevice(threads);
            string reason = e is DeviceUnavailableException unavailable ? unavailable.Reason : e.Message;
            return new DeviceChoice(cpu, $"{cpu.Name}, since CUDA can't be used: {reason}");
        }
    }
}
