using Interfuse.Compute.Cuda;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Encoders;

/// <summary>Packs encoded by CUDA kernels, here on the software driver: the processor's bytes, and failures that leave nothing.</summary>
[NonParallelizable]
internal sealed class EncoderDeviceTests
{
    private readonly PackWorkshop _shop = new();

    [OneTimeSetUp]
    public void RequireDriver()
    {
        if (CudaLibraries.SoftwareMissing is { } reason)
        {
            Assert.That(CudaLibraries.SoftwareRequired, Is.False, reason);
            Assert.Ignore($"not run: {reason}");
        }
    }

    [TearDown]
    public void Repair()
    {
        _shop.Dispose();
        SoftwareDriver.Inject("");
        Assert.That(SoftwareDriver.Live(), Does.Not.Match("[1-9]"), "what the driver gave out and did not get back");
    }

    [Test]
    public void Every_way_to_group_gives_the_processors_bytes(
        [Values("groups: 2, lambda: 1.5", "budget: 0.6", "groups: 2, granularity: head, similarity: euclidean")]
        string parameters)
    {
        _shop.Models("add", "code", "math");
        string yaml = PackWorkshop.Yaml(parameters, "add", "code", "math");
        _shop.Pack(yaml);
        using CudaDevice software = SoftwareCuda.Open();
        _shop.Pack(yaml, "software", new MergeOptions { Device = software });

        Assert.That(_shop.Digest("software"), Is.EqualTo(_shop.Digest("pack")));
    }

    [Test]
    public void Masked_task_vectors_are_the_processors_bytes([Values("scale: total", "")] string parameters)
    {
        _shop.Models("add", "code", "math");
        string yaml = PackWorkshop.Yaml(parameters, "add", "code", "math")
            .Replace("channel_merging", "emr_merging", StringComparison.Ordinal);
        _shop.Pack(yaml);
        using CudaDevice software = SoftwareCuda.Open();
        _shop.Pack(yaml, "software", new MergeOptions { Device = software });

        Assert.That(_shop.Digest("software"), Is.EqualTo(_shop.Digest("pack")));
    }

    [Test]
    public void Low_rank_parts_are_the_processors_bytes(
        [Values("rank: 3", "shared: ties, density: 0.5, budget: 0.6")] string parameters)
    {
        _shop.Models("add", "code", "math");
        string yaml = PackWorkshop.Yaml(parameters, "add", "code", "math")
            .Replace("channel_merging", "twin_merging", StringComparison.Ordinal);
        _shop.Pack(yaml);
        using CudaDevice software = SoftwareCuda.Open();
        _shop.Pack(yaml, "software", new MergeOptions { Device = software });

        Assert.That(_shop.Digest("software"), Is.EqualTo(_shop.Digest("pack")));
    }

    [Test]
    public void Sparse_experts_are_the_processors_bytes([Values("conflict: any, beta: 0.3", "top_k: 2, rho: 0.3, density: 0.5")] string parameters)
    {
        new LayeredModels(_shop, [0.4, 0.1, 0.3]).Write("add", "code", "math");
        string yaml = LayeredModels.Yaml(parameters, "add", "code", "math");
        _shop.Pack(yaml);
        using CudaDevice software = SoftwareCuda.Open();
        _shop.Pack(yaml, "software", new MergeOptions { Device = software });

        Assert.That(_shop.Digest("software"), Is.EqualTo(_shop.Digest("pack")));
    }

    [TestCase("alloc:3")]
    [TestCase("copy:5")]
    [TestCase("launch:2")]
    [TestCase("lost:40")]
    public void A_failing_device_leaves_nothing_half_written(string fault)
    {
        _shop.Models("add", "code");
        using (CudaDevice software = SoftwareCuda.Open())
        {
            SoftwareDriver.Inject(fault);
            Assert.That(
                () => _shop.Pack(
                    PackWorkshop.Yaml("groups: 1", "add", "code"), options: new MergeOptions { Device = software }),
                Throws.Exception);
            SoftwareDriver.Inject("");
        }

        Assert.That(_shop.Entries, Has.None.StartsWith("pack"));
    }
}
