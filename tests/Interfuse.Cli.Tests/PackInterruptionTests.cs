using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Processes that are killed while they write a matrix of a pack, and what comes of it.</summary>
[Platform("Linux", Reason = "sends signals by Linux's numbers")]
public sealed class PackInterruptionTests
{
    // By code that the JIT doesn't optimize, so that a matrix takes long enough to be caught in its middle.
    private static readonly (string, string)[] Slowly = [("INTERFUSE_CPU_PATH", "scalar"), ("DOTNET_JITMinOpts", "1")];

    private const int Matrices = 10;

    private TempFolder _folder = null!;

    private string Partial => _folder["again.partial"];

    [OneTimeSetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder, seed =>
        [
            .. Enumerable.Range(0, Matrices).Select(layer =>
                SmallModels.BFloat16(seed, $"model.layers.{layer}.mlp.up_proj.weight", 2048, 1024)),
        ]);
    }

    [TearDown]
    public void DeletePacks()
    {
        foreach (string directory in new[] { _folder["pack"], _folder["again"], Partial }.Where(Directory.Exists))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [OneTimeTearDown]
    public void DeleteModels() => _folder.Dispose();

    [TestCase("channel_merging", "groups: 2", "model.safetensors", ".weight")]
    [TestCase("mediator", "top_k: 10", "experts.safetensors", ".values")]
    [TestCase("twin_merging", "rank: 4", "experts.safetensors", ".left")]
    [TestCase("emr_merging", "scale: total", "model.safetensors", ".weight")]
    public void A_process_killed_in_the_middle_of_a_matrix_is_resumed_to_the_same_bytes(
        string method, string parameters, string file, string part)
    {
        _folder.Write(
            "recipe.yml",
            $"""
            merge_method: {method}
            base_model: ./base
            models: [model: ./expert1, model: ./expert2]
            parameters: {Braces(parameters)}
            dtype: bfloat16
            """);
        using (RunningCommand undisturbed = Start([], "pack"))
        {
            Outcome outcome = undisturbed.Wait();
            Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        }

        using (RunningCommand killed = Start(Slowly, "again"))
        {
            killed.WaitUntil(() => Finished() > 0 && IsAnyHalfWritten(Path.Combine(Partial, file), part));
            killed.Kill();
            killed.Wait();
        }

        Assert.That(IsAnyHalfWritten(Path.Combine(Partial, file), part), Is.True, "a matrix was at work");
        int finished = Finished();
        using RunningCommand resumed = Start([], "again", "--resume", "--json");
        Outcome last = resumed.Wait();
        Assert.That(last.ExitCode, Is.EqualTo(ExitCode.Ok), last.Error);
        Assert.That(last.Json.GetProperty("tensors_resumed").GetInt32(), Is.EqualTo(finished).And.LessThan(Matrices));
        Assert.That(SmallModels.Hashes(_folder["again"]), Is.EqualTo(SmallModels.Hashes(_folder["pack"])));
    }

    private static string Braces(string text) => "{" + text + "}";

    // One line says whose journal it is; a last one that was cut short does not count.
    private int Finished()
    {
        string journal = Path.Combine(Partial, "journal");
        return File.Exists(journal) ? File.ReadAllText(journal).Count(letter => letter == '\n') - 1 : 0;
    }

    // Nothing in these models is zero; what is not written yet is.
    private static bool IsAnyHalfWritten(string path, string part)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Tensors.Any(tensor =>
        {
            Span<byte> ends = stackalloc byte[4];
            file.Read(tensor, 0, ends[..2]);
            file.Read(tensor, tensor.ByteLength - 2, ends[2..]);
            return tensor.Name.EndsWith(part, StringComparison.Ordinal)
                && ends[..2].ContainsAnyExcept((byte)0) && !ends[2..].ContainsAnyExcept((byte)0);
        });
    }

    private RunningCommand Start((string Name, string Value)[] environment, string target, params string[] options) =>
        CommandLine.StartWith(
            environment, ["merge", _folder["recipe.yml"], _folder[target], "--threads", "1", .. options]);
}
