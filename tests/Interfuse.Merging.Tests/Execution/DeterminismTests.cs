using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Execution;

/// <summary>The same recipe gives the same bytes, whatever it runs on.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class DeterminismTests
{
    private static readonly string[] Methods =
    [
        "linear",
        "slerp",
        "ties",
        "ties, parameters: {rescale: true}",
        "dare_ties",
        "dare_linear, parameters: {normalize: true, lambda: 0.7}",
    ];

    private readonly Workshop _workshop = new();

    [OneTimeSetUp]
    public void WriteModels()
    {
        WriteModel("base", DType.BFloat16, seed: 1);
        WriteModel("a", DType.Float16, seed: 2);
        WriteModel("b", DType.Float32, seed: 3);
    }

    [OneTimeTearDown]
    public void DeleteModels() => _workshop.Dispose();

    [Test]
    public void Bytes_do_not_depend_on_threads_or_memory([ValueSource(nameof(Methods))] string method)
    {
        string[] alone = Digest(method, "alone", new MergeOptions { Threads = 1 });

        Assert.That(Digest(method, "two", new MergeOptions { Threads = 2 }), Is.EqualTo(alone));
        Assert.That(Digest(method, "five", new MergeOptions { Threads = 5, MaxMemory = 8L << 30 }), Is.EqualTo(alone));
        Assert.That(
            Digest(method, "tight", new MergeOptions { Threads = 2, MaxMemory = 230 << 20 }), Is.EqualTo(alone));
    }

    [Test]
    public void Tensors_do_not_depend_on_the_size_of_shards()
    {
        string[] whole = Digest("ties", "whole", new MergeOptions());
        Digest("ties", "cut", new MergeOptions { ShardSize = 300_000 });

        Assert.That(whole.Count(file => file.Contains(".safetensors", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(Directory.GetFiles(_workshop["ties-cut"], "*.safetensors"), Has.Length.GreaterThan(2));
        Dictionary<string, double[]> cut = ModelTensors.Read(_workshop["ties-cut"]);
        foreach ((string name, double[] values) in ModelTensors.Read(_workshop["ties-whole"]))
        {
            Assert.That(cut[name], Is.EqualTo(values), name);
        }
    }

    [Test]
    [NonParallelizable]
    public void Bytes_do_not_depend_on_the_processor([ValueSource(nameof(Methods))] string method)
    {
        const string Variable = "INTERFUSE_CPU_PATH";
        string? before = Environment.GetEnvironmentVariable(Variable);
        try
        {
            var digests = new Dictionary<string, string>();
            foreach (string path in new[] { "scalar", "128", "256", "512" })
            {
                Environment.SetEnvironmentVariable(Variable, path);
                Assert.That(new CpuKernels().Path.ToString(), Does.EndWith(path).IgnoreCase, "the path is not taken");
                digests[path] = string.Join('\n', Digest(method, path, new MergeOptions()));
            }

            Assert.That(digests.Values, Is.All.EqualTo(digests["scalar"]));
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, before);
        }
    }

    private string[] Digest(string method, string run, MergeOptions options)
    {
        string target = $"{method.Split(',')[0]}{(method.Contains(',') ? "-set" : "")}-{run}";
        _workshop.Run(Recipe(method), options with { Seed = 9, Overwrite = true }, target);
        return _workshop.Digest(target);
    }

    // Top-level parameters stand in the method's string, so that a case reads as one line.
    private static string Recipe(string method)
    {
        string models = method switch
        {
            "linear" => "models: [{model: base, parameters: {weight: 0.5}}, {model: a, parameters: {weight: 0.2}}, "
                + "{model: b, parameters: {weight: 0.3}}]",
            "slerp" => "base_model: base, models: [{model: base}, {model: b}], parameters: {t: 0.3}",
            _ => "base_model: base, models: [{model: a, parameters: {weight: 0.6, density: 0.4}}, "
                + "{model: b, parameters: {weight: 0.5, density: 0.6}}]",
        };
        return $"{{merge_method: {method}, {models}, dtype: bfloat16}}";
    }

    private void WriteModel(string name, DType dtype, int seed)
    {
        var random = new Random(seed);
        long[][] shapes = [[300, 521], [1, 65537], [3], [], [1025], [5, 1, 300, 300]];
        _workshop.Model(name, [.. shapes.Select(
            (shape, index) => SmallFloats.Of($"t{index}", dtype, shape, () => random.NextSingle() - 0.5f))]);
    }
}
