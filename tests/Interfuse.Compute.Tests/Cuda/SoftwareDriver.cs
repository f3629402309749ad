using System.Runtime.InteropServices;
using System.Text;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>The software driver's own two functions: faults to inject, and what has not been freed.</summary>
internal static unsafe class SoftwareDriver
{
    private static readonly string[] Kinds = ["device_memory", "host_memory", "stream", "event", "module", "context"];

    private static readonly Lazy<nint> Library = new(() => NativeLibrary.Load(CudaLibraries.SoftwareDriver));

    /// <summary>Ends a fixture that needs the driver where it is not there: skipped, or failed if it is required.</summary>
    public static void Require()
    {
        if (CudaLibraries.SoftwareMissing is { } reason)
        {
            if (CudaLibraries.SoftwareRequired)
            {
                Assert.Fail($"the software CUDA driver is required here: {reason}");
            }

            Assert.Ignore($"not run: {reason}");
        }
    }

    public static bool Exports(string name) => NativeLibrary.TryGetExport(Library.Value, name, out _);

    /// <summary>Sets the faults to come, counted from now on, and undoes what earlier ones broke.</summary>
    public static void Inject(string faults)
    {
        var fault = (delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(Library.Value, "interfuse_software_fault");
        fixed (byte* text = Encoding.UTF8.GetBytes(faults + '\0'))
        {
            fault(text);
        }
    }

    /// <summary>What the driver has given out and not got back, kind by kind.</summary>
    public static string Live() => string.Join(", ", Kinds.Select(kind => $"{kind} {Live(kind)}"));

    public static long Live(string kind)
    {
        var live = (delegate* unmanaged<byte*, long>)NativeLibrary.GetExport(Library.Value, "interfuse_software_live");
        fixed (byte* text = Encoding.UTF8.GetBytes(kind + '\0'))
        {
            return live(text);
        }
    }
}
