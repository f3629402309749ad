namespace Interfuse.Testing;

/// <summary>Which CUDA driver the tests of this process use, where it is, and what must not be missing.</summary>
/// <remarks>
/// A process binds one driver: the software one, which <c>dotnet test</c> builds, or the machine's own where
/// <c>INTERFUSE_TEST_CUDA=1</c> or <c>INTERFUSE_REQUIRE_GPU=1</c> ask for it. Tests of a driver that is not there are
/// skipped with <see cref="SoftwareMissing"/>, unless they are required: then they fail.
/// </remarks>
public static class CudaLibraries
{
    private const string DirectoryVariable = "INTERFUSE_SOFTWARE_DRIVER";

    private static readonly string[] Files = ["libinterfuse_software_cuda.so", "interfuse_software_kernels.so"];

    /// <summary>
    /// Where the software driver and its kernels are, or would be. Asking also tells the product, by its environment
    /// variable.
    /// </summary>
    public static string SoftwareDirectory { get; } = FindSoftware();

    /// <summary>The software driver.</summary>
    public static string SoftwareDriver => Path.Combine(SoftwareDirectory, Files[0]);

    /// <summary>The kernels for it.</summary>
    public static string SoftwareKernels => Path.Combine(SoftwareDirectory, Files[1]);

    /// <summary>Whether this process is to use the driver of the machine's GPU.</summary>
    public static bool UsesGpu => IsSet("INTERFUSE_TEST_CUDA") || GpuRequired;

    /// <summary>Whether tests fail where there is no GPU.</summary>
    public static bool GpuRequired => IsSet("INTERFUSE_REQUIRE_GPU");

    /// <summary>Whether tests fail where there is no software driver.</summary>
    public static bool SoftwareRequired => IsSet("INTERFUSE_REQUIRE_SOFTWARE_CUDA");

    /// <summary>Why tests on the software driver can't run in this process, or null if they can.</summary>
    public static string? SoftwareMissing =>
        UsesGpu ? "this process uses the driver of the machine's GPU"
        : Array.Find(Files, file => !File.Exists(Path.Combine(SoftwareDirectory, file))) is { } missing
            ? $"{Path.Combine(SoftwareDirectory, missing)} is not built: a C++ compiler and CMake are needed"
        : null;

    private static string FindSoftware()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } named)
        {
            return named;
        }

        // Tests that were published have no repository around them; what they need is beside them.
        string beside = AppContext.BaseDirectory;
        string directory = File.Exists(Path.Combine(beside, Files[0])) ? beside : Repository.PathOf("build", "native", "lib");
        Environment.SetEnvironmentVariable(DirectoryVariable, directory);
        return directory;
    }

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) == "1";
}
