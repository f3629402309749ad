using System.Diagnostics;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Merges that are stopped, killed or robbed of an input, and what comes of them.</summary>
[Platform("Linux", Reason = "sends signals by Linux's numbers")]
public sealed class InterruptionTests
{
    // A second or more, so that the journal fills. The bytes are the same on every path.
    private static readonly (string, string)[] Slowly = [("INTERFUSE_CPU_PATH", "scalar")];

    // Ten seconds or more, by code that the JIT doesn't optimize: such a merge is always caught at work.
    private static readonly (string, string)[] VerySlowly = [.. Slowly, ("DOTNET_JITMinOpts", "1")];

    private const int Tensors = 10;

    private TempFolder _folder = null!;
    private Dictionary<string, string> _undisturbed = null!;
    private TimeSpan _duration;

    private string Target => _folder["out"];

    [OneTimeSetUp]
    public void MergeUndisturbed()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder, seed =>
        [
            .. Enumerable.Range(0, Tensors).Select(layer =>
                SmallModels.BFloat16(seed, $"model.layers.{layer}.mlp.up_proj.weight", 1024, 1024)),
        ]);
        _folder.Write("recipe.yml", SmallModels.Ties);
        long begin = Stopwatch.GetTimestamp();
        using RunningCommand merge = Start(Slowly);
        Outcome outcome = merge.Wait();
        _duration = Stopwatch.GetElapsedTime(begin);
        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Ok), outcome.Error);
        _undisturbed = SmallModels.Hashes(Target);
        Assert.That(_undisturbed, Has.Count.EqualTo((Tensors / 2) + 4), "shards; index, configuration, recipe, card");
    }

    [SetUp]
    public void Clear()
    {
        foreach (string directory in new[] { Target, Target + ".partial" }.Where(Directory.Exists))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [OneTimeTearDown]
    public void DeleteModels() => _folder.Dispose();

    [Test]
    public void Twenty_kills_at_random_moments_change_no_byte()
    {
        var random = new Random(20);

        // On a busy machine a run may take much longer; its later phases are reached by resuming.
        double latest = Math.Min(_duration.TotalSeconds, 3);
        int hits = 0;
        for (int round = 0; round < 20; round++)
        {
            // Slow runs fill the journal, fast ones come to the end, where the model moves into place.
            using RunningCommand merge = Start(round % 2 == 0 ? Slowly : [], "--resume");
            bool ended = merge.EndsWithin(TimeSpan.FromSeconds(latest * random.NextDouble()));
            if (!ended)
            {
                merge.Kill();
                hits++;
            }

            int exitCode = merge.Wait().ExitCode;
            Assert.That(exitCode, ended ? Is.Zero : Is.Zero.Or.EqualTo(128 + 9));
            if (Directory.Exists(Target))
            {
                AssertSameBytes(mayHoldLock: !ended);
                Directory.Delete(Target, recursive: true);
            }
        }

        TestContext.Out.WriteLine($"{hits} of 20 kills met a living process; undisturbed it takes {_duration}");
        Assert.That(hits, Is.GreaterThanOrEqualTo(5));
        Outcome last = Run("--resume");
        Assert.That(last.ExitCode, Is.EqualTo(ExitCode.Ok), last.Error);
        AssertSameBytes();
    }

    [Test]
    public void A_resumed_merge_takes_over_what_the_journal_has()
    {
        using (RunningCommand merge = Start(VerySlowly))
        {
            string journal = Path.Combine(Target + ".partial", "journal");
            merge.WaitUntil(() => File.Exists(journal) && File.ReadAllLines(journal).Length >= 2);
            merge.Kill();
            merge.Wait();
        }

        Outcome resumed = Run("--resume", "--json");

        Assert.That(resumed.ExitCode, Is.EqualTo(ExitCode.Ok), resumed.Error);
        int tensors = resumed.Json.GetProperty("tensors_resumed").GetInt32();
        Assert.That(tensors, Is.InRange(1, Tensors - 1));
        Assert.That(
            resumed.Json.GetProperty("bytes_written").GetInt64(), Is.EqualTo((Tensors - tensors) * 2L * 1024 * 1024));
        AssertSameBytes();
    }

    [TestCase(RunningCommand.Interrupt)]
    [TestCase(RunningCommand.Terminate)]
    public void A_signal_stops_the_merge_so_that_it_can_be_resumed(int signal)
    {
        using (RunningCommand merge = Start(VerySlowly))
        {
            merge.WaitUntil(IsComputing);
            merge.Signal(signal);

            Assert.That(merge.EndsWithin(TimeSpan.FromSeconds(5)), Is.True, "a guard against hanging, not a stopwatch");
            Outcome outcome = merge.Wait();
            Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.Interrupted));
            Assert.That(outcome.Output, Is.Empty);
            Assert.That(
                outcome.Error, Is.EqualTo("interrupted; run the same command with --resume to continue\n"));
        }

        Assert.That(Target, Does.Not.Exist);
        Assert.That(Target + ".partial", Does.Exist);
        Outcome resumed = Run("--resume");
        Assert.That(resumed.ExitCode, Is.EqualTo(ExitCode.Ok), resumed.Error);
        AssertSameBytes();
    }

    [Test]
    public void An_input_that_shrinks_during_the_merge_is_an_error_and_no_crash()
    {
        string input = _folder["expert1", "model.safetensors"];
        byte[] whole = File.ReadAllBytes(input);
        try
        {
            using RunningCommand merge = Start(VerySlowly);
            merge.WaitUntil(IsComputing);
            merge.Signal(RunningCommand.Stop);
            using (FileStream stream = new(input, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                stream.SetLength(4096);
            }

            merge.Signal(RunningCommand.Continue);

            Mistakes.AssertMistake(merge.Wait(), ExitCode.BadInput, input, "the file shrank while being read");
            Assert.That(Target, Does.Not.Exist);
            Assert.That(Target + ".partial", Does.Not.Exist);
        }
        finally
        {
            File.WriteAllBytes(input, whole);
        }
    }

    // The journal is begun when all output files stand, just before the first tensor.
    private bool IsComputing() => File.Exists(Path.Combine(Target + ".partial", "journal"));

    private void AssertSameBytes(bool mayHoldLock = false)
    {
        Dictionary<string, string> hashes = SmallModels.Hashes(Target);
        if (mayHoldLock)
        {
            // A process killed in the instant after the move leaves its lock in the finished directory.
            hashes.Remove(".interfuse.lock");
        }

        Assert.That(hashes, Is.EqualTo(_undisturbed));
    }

    private Outcome Run(params string[] options)
    {
        using RunningCommand merge = Start([], options);
        return merge.Wait();
    }

    private RunningCommand Start((string Name, string Value)[] environment, params string[] options) =>
        CommandLine.StartWith(
            environment,
            ["merge", _folder["recipe.yml"], Target, "--threads", "1", "--shard-size", "5MB", .. options]);
}
