using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>Tests on the software CUDA driver: each must leave the driver as it found it.</summary>
/// <remarks>Other fixtures of the process may hold devices of it, so what is compared is before and after.</remarks>
[NonParallelizable]
public abstract class SoftwareFixture
{
    private string _before = "";

    [OneTimeSetUp]
    public void RequireDriver() => Require();

    [SetUp]
    public void Count()
    {
        _ = CudaLibraries.SoftwareDirectory;
        SoftwareDriver.Inject("");
        _before = SoftwareDriver.Live();
    }

    [TearDown]
    public void Compare()
    {
        SoftwareDriver.Inject("");
        Assert.That(SoftwareDriver.Live(), Is.EqualTo(_before), "what the driver gave out and did not get back");
    }

    /// <summary>Ends a fixture that needs the driver where it is not there: skipped, or failed if it is required.</summary>
    internal static void Require()
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

    internal static ICudaDriver Driver => NvCuda.Load(CudaLibraries.SoftwareDriver);

    internal static CudaDevice Open(long? budget = null) => SoftwareCuda.Open(budget);

    internal static CudaDevice Open(ICudaDriver driver) =>
        new(driver, new CudaDeviceOptions { KernelImage = CudaLibraries.SoftwareKernels });

    internal static byte[] Random(int length, int seed = 1)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
