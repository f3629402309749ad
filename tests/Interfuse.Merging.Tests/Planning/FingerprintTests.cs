using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Planning;

/// <summary>A plan's fingerprint changes with what decides the output's bytes, and with nothing else.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.All)]
internal sealed class FingerprintTests : IDisposable
{
    private const string Yaml = """
        merge_method: linear
        base_model: a
        models: [{model: a}, {model: b}]
        parameters: {weight: 1}
        tokenizer_source: base
        """;

    private readonly Workshop _workshop = new();

    [SetUp]
    public void WriteModels()
    {
        foreach (string name in new[] { "a", "b" })
        {
            _workshop.Model(name, new TinyModel { Value = 1, Tokens = ["x", "y"] });
        }
    }

    public void Dispose() => _workshop.Dispose();

    [Test]
    public void Options_that_change_the_bytes_change_it()
    {
        string[] fingerprints =
        [
            Of(),
            Of(options: new MergeOptions { Seed = 1 }),
            Of(options: new MergeOptions { Semantics = MergeSemantics.Mergekit }),
            Of(options: new MergeOptions { TruncateEmbeddings = true }),
            Of(options: new MergeOptions { ShardSize = 100 }),
            Of(Yaml + "\ndtype: float16"),
            Of(Yaml.Replace("weight: 1", "weight: 2", StringComparison.Ordinal)),
            Of(Yaml.Replace("{model: a}, {model: b}", "{model: b}, {model: a}", StringComparison.Ordinal)),
        ];

        Assert.That(fingerprints, Is.Unique);
    }

    [Test]
    public void How_a_merge_is_run_and_how_its_recipe_is_laid_out_do_not()
    {
        Assert.That(
            Of(options: new MergeOptions { Threads = 7, MaxMemory = 1 << 30, Resume = true, Overwrite = true }),
            Is.EqualTo(Of()));
        Assert.That(Of("# note\n" + Yaml), Is.EqualTo(Of()));
    }

    [TestCase("model.safetensors")]
    [TestCase("tokenizer.json")]
    public void A_file_that_was_touched_changes_it(string file)
    {
        string before = Of();

        File.SetLastWriteTimeUtc(_workshop["b", file], new DateTime(2024, 5, 6, 7, 8, 9, DateTimeKind.Utc));

        Assert.That(Of(), Is.Not.EqualTo(before));
    }

    [Test]
    public void A_model_of_another_size_changes_it_also_at_the_same_time_stamp()
    {
        string file = _workshop["b", "model.safetensors"];
        string before = Of();
        DateTime time = File.GetLastWriteTimeUtc(file);

        _workshop.Model("b", new TinyModel { Value = 1, Tokens = ["x", "y"], Rows = 8 });
        File.SetLastWriteTimeUtc(file, time);

        Assert.That(Of(), Is.Not.EqualTo(before));
    }

    private string Of(string yaml = Yaml, MergeOptions? options = null)
    {
        using MergePlan plan = _workshop.Plan(yaml, options);
        return plan.Fingerprint();
    }
}
