using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>The output depends on the recipe, the models and the seed, and on nothing about the machine.</summary>
public sealed class SameBytesTests
{
    // Every value of every setting at least once; each run is compared with the first.
    private static readonly (string CpuPath, string Threads, string Memory)[] Settings =
    [
        ("scalar", "1", "512MiB"),
        ("128", "2", "4GiB"),
        ("256", "7", "512MiB"),
        ("512", "7", "4GiB"),
        ("512", "1", "4GiB"),
        ("scalar", "2", "512MiB"),
    ];

    private TempFolder _folder = null!;

    [OneTimeSetUp]
    public void MakeModels()
    {
        // Several tiles long, and no multiple of any vector, block or tile.
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder, seed =>
        [
            SmallModels.BFloat16(seed, "model.embed_tokens.weight", 16, 7),
            SmallModels.BFloat16(seed, "model.layers.0.mlp.up_proj.weight", 641, 523),
            SmallModels.BFloat16(seed, "model.layers.1.mlp.up_proj.weight", 641, 523),
            SmallModels.BFloat16(seed, "model.norm.weight", 131),
        ]);
    }

    [OneTimeTearDown]
    public void DeleteModels() => _folder.Dispose();

    private static IEnumerable<TestCaseData> Recipes() =>
        new[]
        {
            ("linear", SmallModels.Linear),
            ("slerp", SmallModels.Slerp),
            ("ties", SmallModels.Ties),
            ("dare_ties", SmallModels.DareTies),
        }.Select(recipe => new TestCaseData(recipe.Item1, recipe.Item2).SetArgDisplayNames(recipe.Item1));

    [TestCaseSource(nameof(Recipes))]
    public void Vector_width_threads_and_memory_change_no_byte(string method, string recipe)
    {
        string path = _folder.Write($"{method}.yml", recipe);
        Dictionary<string, string>? first = null;
        foreach ((string cpuPath, string threads, string memory) in Settings)
        {
            string target = _folder[$"{method}-{cpuPath}-{threads}"];
            Outcome outcome = CommandLine.RunWith(
                [("INTERFUSE_CPU_PATH", cpuPath)],
                "merge", path, target, "--quiet", "--threads", threads, "--max-memory", memory, "--seed", "5",
                "--shard-size", "900KB");
            Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);

            Dictionary<string, string> hashes = SmallModels.Hashes(target);
            first ??= hashes;
            Assert.That(hashes, Has.Count.EqualTo(6), "two shards, index, configuration, recipe, card");
            Assert.That(hashes, Is.EqualTo(first), $"path {cpuPath}, {threads} threads, {memory}");
        }
    }
}
