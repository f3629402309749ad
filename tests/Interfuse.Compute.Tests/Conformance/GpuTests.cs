using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>One line in every run's summary that says whether the kernels ran on a GPU.</summary>
public class GpuTests
{
    [Test]
    public void The_suite_runs_on_the_machines_gpu()
    {
        if (!CudaLibraries.UsesGpu)
        {
            Assert.Ignore("The kernels ran on the software driver; set INTERFUSE_TEST_CUDA=1 to run them on a GPU.");
        }

        Assert.That(TestDevice.All[^1].ToString(), Is.EqualTo("cuda"));
    }
}
