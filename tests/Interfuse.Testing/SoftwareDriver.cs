using System.Runtime.InteropServices;
using System.Text;

namespace Interfuse.Testing;

/// <summary>The software driver's own two functions: faults to inject, and what has not been freed.</summary>
public static unsafe class SoftwareDriver
{
    private static readonly string[] Kinds = ["device_memory", "host_memory", "stream", "event", "module", "context"];

    private static readonly Lazy<nint> Library = new(() => NativeLibrary.Load(CudaLibraries.SoftwareDriver));

    /// <summary>Whether the library has a function.</summary>
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

    /// <summary>What the driver has given out of one kind and not got back.</summary>
    public static long Live(string kind)
    {
        var live = (delegate* unmanaged<byte*, long>)NativeLibrary.GetExport(Library.Value, "interfuse_software_live");
        fixed (byte* text = Encoding.UTF8.GetBytes(kind + '\0'))
        {
            return live(text);
        }
    }
}
