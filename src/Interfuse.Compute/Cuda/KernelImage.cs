using System.Reflection;

namespace Interfuse.Compute.Cuda;

/// <summary>The compiled kernels: where they are looked for.</summary>
/// <param name="Bytes">A fatbin, a cubin or PTX.</param>
/// <param name="Source">Where they come from, in words.</param>
internal sealed record KernelImage(byte[] Bytes, string Source)
{
    /// <summary>The environment variable that names an image to use instead of the built-in one.</summary>
    public const string Variable = "INTERFUSE_FATBIN";

    private const string Resource = "interfuse.fatbin";

    /// <summary>Finds the image: this path, else the one in the environment, else the one in this assembly.</summary>
    /// <exception cref="DeviceUnavailableException">There is none, or it can't be read.</exception>
    public static KernelImage Find(string? path)
    {
        path ??= Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : null;
        return path is null ? BuiltIn() : FromFile(path);
    }

    private static KernelImage FromFile(string path)
    {
        try
        {
            return new KernelImage(File.ReadAllBytes(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DeviceUnavailableException("cuda", $"the kernels' image can't be read: {e.Message}", e);
        }
    }

    private static KernelImage BuiltIn()
    {
        Assembly assembly = typeof(KernelImage).Assembly;
        using Stream? stream = assembly.GetManifestResourceStream(Resource)
            ?? throw new DeviceUnavailableException(
                "cuda",
                "this build holds no CUDA kernels; build it again where nvcc is installed (cmake/install-nvcc.sh "
                + $"fetches it), or name an {Resource} in the environment variable {Variable}");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return new KernelImage(bytes, $"the built-in {Resource}");
    }
}
