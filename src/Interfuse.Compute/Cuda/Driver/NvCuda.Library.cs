using System.Reflection;
using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

internal sealed unsafe partial class NvCuda
{
    private static readonly Lock Gate = new();

    private static string? _bound;
    private static nint _handle;
    private static NvCuda? _driver;

    /// <summary>The names under which the vendor's driver installs itself.</summary>
    public static IReadOnlyList<string> VendorLibraries { get; } =
        OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1"];

    /// <summary>Binds the imports to a library, for as long as the process lives.</summary>
    /// <param name="library">The library's path, or null for the vendor's driver.</param>
    /// <exception cref="DllNotFoundException">There is no such library; the message says what was tried.</exception>
    /// <exception cref="InvalidOperationException">The imports are bound to another library.</exception>
    public static NvCuda Load(string? library)
    {
        // By full path, so that a library is the same one whatever the current directory is.
        string? path = library is null ? null : Path.GetFullPath(library);
        string name = path ?? "the vendor's driver";
        lock (Gate)
        {
            if (_driver is not null)
            {
                return _bound == name
                    ? _driver
                    : throw new InvalidOperationException(
                        $"this process already uses {_bound}; use {name} in a process of its own");
            }

            _handle = LoadFirst(path is null ? VendorLibraries : [path]);
            _bound = name;
            NativeLibrary.SetDllImportResolver(typeof(NvCuda).Assembly, Resolve);
            NativeLibrary.TryGetExport(_handle, nameof(cuFuncGetParamInfo), out nint paramInfo);
            return _driver = new NvCuda(paramInfo);
        }
    }

    /// <summary>Loads the first of these that can be loaded.</summary>
    /// <exception cref="DllNotFoundException">None can; the message says why of each.</exception>
    internal static nint LoadFirst(IReadOnlyList<string> places)
    {
        var failures = new List<string>();
        foreach (string place in places)
        {
            try
            {
                return NativeLibrary.Load(place);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                failures.Add(LastLine(e.Message));
            }
        }

        throw new DllNotFoundException(
            $"no CUDA driver library, which NVIDIA's driver would bring: tried {string.Join("; ", failures)}");
    }

    // The runtime's message is a paragraph of advice that ends with what the system's loader said.
    private static string LastLine(string message) => message.TrimEnd().Split('\n')[^1].Trim();

    // Zero would send the runtime looking by its own rules, and it might load a driver that nobody asked for.
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        name != Library ? 0
        : _handle != 0 ? _handle
        : throw new DllNotFoundException("no CUDA driver library has been loaded");
}
