using System.Security.Cryptography;
using Interfuse.Compute;
using Interfuse.Compute.Cuda;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Execution;

/// <summary>Merges by CUDA kernels, here on the software driver: the processor's bytes, and failures that leave nothing.</summary>
[NonParallelizable]
internal sealed class DeviceTests
{
    private const string Experts = "[{model: ./add}, {model: ./reverse}, {model: ./sort}]";
    private const string Weights = "weight: 0.4, density: 0.3";

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
        SoftwareDriver.Inject("");
        Assert.That(SoftwareDriver.Live(), Does.Not.Match("[1-9]"), "what the driver gave out and did not get back");
    }

    [TestCase("linear", "weight: 0.3", MergeSemantics.Published)]
    [TestCase("slerp", "t: 0.3", MergeSemantics.Published)]
    [TestCase("task_arithmetic", "weight: 0.4, normalize: true", MergeSemantics.Published)]
    [TestCase("ties", Weights, MergeSemantics.Published)]
    [TestCase("ties", Weights + ", rescale: true", MergeSemantics.Mergekit)]
    [TestCase("dare_linear", Weights, MergeSemantics.Published)]
    [TestCase("dare_linear", Weights, MergeSemantics.Mergekit)]
    [TestCase("dare_ties", Weights + ", normalize: true, lambda: 0.8", MergeSemantics.Published)]
    [TestCase("passthrough", "", MergeSemantics.Published)]
    public void Every_method_gives_the_processors_bytes(string method, string parameters, MergeSemantics semantics)
    {
        using var folder = new TempFolder();
        Recipe recipe = TinyExperts(method, parameters);
        var options = new MergeOptions { Semantics = semantics, Threads = 2, Seed = 7 };
        string[] expected = Merge(recipe, folder["cpu"], options);

        using CudaDevice software = SoftwareCuda.Open();

        Assert.That(Merge(recipe, folder["software"], options with { Device = software }), Is.EqualTo(expected));
    }

    [Test]
    public void Tensors_of_many_steps_and_mixed_types_give_the_processors_bytes(
        [Values("slerp", "ties", "dare_ties")] string method)
    {
        // More tiles than a device takes in one step, and a last one that is not whole.
        const int Length = (17 * TileGrid.TileLength) + 12_345;
        using var workshop = new Workshop();
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, Length).Select(_ => (float)((random.NextDouble() - 0.5) * 0.1))];
        workshop.Model("base", ModelTensors.Float32("w", [Length], values));
        workshop.Model("a", ModelTensors.Float32("w", [Length], [.. values.Select(value => value * (random.Next(3) / 2f))]));
        Recipe recipe = workshop.Read(
            $$"""
            merge_method: {{method}}
            base_model: base
            models: [{model: a}]
            parameters: { {{(method == "slerp" ? "t: 0.4" : "weight: 1, density: 0.4")}} }
            dtype: bfloat16
            """);
        string[] expected = Merge(recipe, workshop["cpu"], new MergeOptions());

        using CudaDevice software = SoftwareCuda.Open();

        Assert.That(
            Merge(recipe, workshop["software"], new MergeOptions { Device = software }), Is.EqualTo(expected));
    }

    [Test]
    public void A_device_that_fails_ends_the_merge_in_an_error_and_leaves_nothing(
        [Values("alloc", "host_alloc", "copy", "launch", "lost")] string fault, [Values(1, 2, 9, 40)] int nth)
    {
        using var folder = new TempFolder();
        Recipe recipe = TinyExperts("ties", Weights);
        SoftwareDriver.Inject($"{fault}:{nth}");
        try
        {
            using CudaDevice software = SoftwareCuda.Open();
            Merge(recipe, folder["out"], new MergeOptions { Threads = 2, Device = software });

            // Fewer such calls than that are made, and then nothing fails.
            Assert.That(nth, Is.GreaterThan(2));
        }
        catch (InterfuseException error)
        {
            Assert.That(error, Is.InstanceOf<CudaDriverException>().Or.InstanceOf<OutOfDeviceMemoryException>()
                .Or.InstanceOf<DeviceUnavailableException>());
            Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
        }
    }

    [Test]
    public void More_experts_than_a_kernel_takes_are_refused_before_anything_is_written()
    {
        using var workshop = new Workshop();
        workshop.Vector("base", 1, 2, 3);
        for (int expert = 0; expert < 17; expert++)
        {
            workshop.Vector($"e{expert}", 1, 2, expert);
        }

        string many = string.Join(", ", Enumerable.Range(0, 17).Select(expert => $"{{model: e{expert}}}"));
        Recipe recipe = workshop.Read(
            $"merge_method: task_arithmetic\nbase_model: base\nmodels: [{many}]\nparameters: {{weight: 0.1}}");
        using CudaDevice software = SoftwareCuda.Open();

        Assert.That(
            () => Merge(recipe, workshop.Target, new MergeOptions { Device = software }),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("16").And.Message.Contains("--device cpu"));
        Assert.That(workshop.Entries, Has.None.Contains("out"));
    }

    private static Recipe TinyExperts(string method, string parameters) => Parse(method switch
    {
        "passthrough" => "merge_method: passthrough\nmodels: [{model: ./sort}]",
        "slerp" => $"merge_method: slerp\nbase_model: ./add\nmodels: [{{model: ./sort}}]\nparameters: {{ {parameters} }}",
        "linear" => $"merge_method: linear\nmodels: {Experts}\nparameters: {{ {parameters} }}",
        _ => $"merge_method: {method}\nbase_model: ./base\nmodels: {Experts}\nparameters: {{ {parameters} }}",
    });

    private static Recipe Parse(string yaml) =>
        Recipe.Parse(yaml, Repository.PathOf("examples", "tiny-experts", "recipe.yml"), MergeMethods.Signatures);

    private static string[] Merge(Recipe recipe, string target, MergeOptions options)
    {
        using MergePlan plan = MergePlan.Create(recipe, options);
        Merger.Run(plan, target, new MergeProgress(), CancellationToken.None);
        return [.. Directory.EnumerateFiles(target, "*.safetensors").Order()
            .Select(file => $"{Path.GetFileName(file)} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}")];
    }
}
