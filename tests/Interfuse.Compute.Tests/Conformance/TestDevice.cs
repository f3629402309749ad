using System.Collections.Concurrent;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>A device that the conformance suite runs on, opened once per process, when first asked for.</summary>
/// <remarks>
/// A process binds one driver library (<see cref="CudaLibraries"/>), so the last one is CUDA by one of them.
/// </remarks>
public sealed class TestDevice
{
    private static readonly ConcurrentDictionary<string, string> NotRunBy = new();

    private readonly string _name;
    private readonly bool _required;
    private readonly Lazy<(Device? Device, string Reason)> _opened;

    private TestDevice(string name, Func<Device> open, bool required = true)
    {
        _name = name;
        _required = required;
        _opened = new Lazy<(Device?, string)>(() => Open(open));
    }

    /// <summary>The reference first: it shows that the suite agrees with itself.</summary>
    public static IReadOnlyList<TestDevice> All { get; } =
    [
        new("reference", () => new ReferenceDevice()),
        new("cpu-scalar", () => new CpuDevice(CpuPath.Scalar, 1)),
        new("cpu-128", () => new CpuDevice(CpuPath.Vector128, 1)),
        new("cpu-256", () => new CpuDevice(CpuPath.Vector256, 1)),
        new("cpu-512", () => new CpuDevice(CpuPath.Vector512, 1)),
        new("cpu-512-threads", () => new CpuDevice(CpuPath.Vector512, 3)),
        CudaLibraries.UsesGpu
            ? new("cuda", () => CudaDevice.Open(new CudaDeviceOptions()), CudaLibraries.GpuRequired)
            : new("software", OpenSoftware, CudaLibraries.SoftwareRequired),
    ];

    /// <summary>How many fixtures did not run: one line per reason.</summary>
    public static IEnumerable<string> NotRun => NotRunBy.Values
        .CountBy(reason => reason)
        .Select(reason => $"{reason.Value} conformance fixtures did not run. {reason.Key}");

    /// <summary>As in the names of the fixtures.</summary>
    public override string ToString() => _name;

    /// <summary>The device. Without it the fixture that asks ends: skipped, or failed if it is required.</summary>
    public Device Open()
    {
        (Device? device, string reason) = _opened.Value;
        if (device is null)
        {
            string message = $"There is no device '{_name}': {reason}";
            NotRunBy[TestContext.CurrentContext.Test.FullName] = message;
            if (_required)
            {
                Assert.Fail($"{message}; but it is required here.");
            }

            Assert.Ignore(message);
        }

        return device;
    }

    /// <summary>Gives the opened devices back.</summary>
    public static void CloseAll()
    {
        foreach (TestDevice device in All.Where(device => device._opened.IsValueCreated))
        {
            device._opened.Value.Device?.Dispose();
        }
    }

    private static (Device?, string) Open(Func<Device> open)
    {
        try
        {
            return (open(), "");
        }
        catch (DeviceUnavailableException e)
        {
            return (null, e.Reason);
        }
    }

    private static CudaDevice OpenSoftware() => CudaLibraries.SoftwareMissing is { } reason
        ? throw new DeviceUnavailableException("software", reason)
        : SoftwareCuda.Open();
}
