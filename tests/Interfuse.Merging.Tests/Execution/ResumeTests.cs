using System.Globalization;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Execution;

/// <summary>Merges that are stopped half way, at a tensor the test chooses, and continued.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class ResumeTests
{
    private const int Tensors = 8;
    private const int StoppedAt = 5;

    private static readonly MergeOptions Options = new() { Threads = 1, ShardSize = 200_000, Seed = 4 };

    [Test]
    public void A_stopped_merge_leaves_nothing_at_the_target_and_resumes_to_the_same_bytes()
    {
        using Workshop workshop = Models();
        workshop.Run(Recipe(), Options, "whole");

        Stop(workshop);
        Assert.That(workshop.Entries, Has.None.EqualTo("out").And.One.EqualTo("out.partial"));
        MergeReport report = workshop.Run(Recipe(), Options with { Resume = true, Threads = 3 });

        Assert.That(report.TensorsResumed, Is.EqualTo(StoppedAt));
        Assert.That(workshop.Digest(), Is.EqualTo(workshop.Digest("whole")));
        Assert.That(workshop.Entries, Has.None.EqualTo("out.partial"));
    }

    [Test]
    public void Progress_counts_what_is_resumed()
    {
        using Workshop workshop = Models();
        Stop(workshop);
        var progress = new MergeProgress();

        using MergePlan plan = workshop.Plan(Recipe(), Options with { Resume = true });
        Merger.Run(plan, workshop.Target, progress, CancellationToken.None);

        long each = plan.ParameterCount / Tensors * sizeof(float);
        Assert.That(progress.TensorsDone, Is.EqualTo(Tensors));
        Assert.That(progress.BytesResumed, Is.EqualTo(StoppedAt * each));
        Assert.That(progress.BytesWritten, Is.EqualTo((Tensors - StoppedAt) * each));
    }

    [Test]
    public void Without_resume_a_merge_starts_over()
    {
        using Workshop workshop = Models();
        Stop(workshop);

        MergeReport report = workshop.Run(Recipe(), Options);

        Assert.That(report.TensorsResumed, Is.Zero);
    }

    [Test]
    public void With_nothing_to_resume_a_merge_starts()
    {
        using Workshop workshop = Models();

        MergeReport report = workshop.Run(Recipe(), Options with { Resume = true });

        Assert.That((report.TensorsResumed, Directory.Exists(workshop.Target)), Is.EqualTo((0, true)));
    }

    [TestCase("5 ", TestName = "A_line_that_a_crash_cut_short_is_ignored")]
    [TestCase("\0\0\0\0", TestName = "Zeros_that_a_crash_left_are_ignored")]
    public void Torn(string tail)
    {
        using Workshop workshop = Models();
        workshop.Run(Recipe(), Options, "whole");
        Stop(workshop);
        File.AppendAllText(Journal(workshop), tail);

        MergeReport report = workshop.Run(Recipe(), Options with { Resume = true });

        Assert.That(report.TensorsResumed, Is.EqualTo(StoppedAt));
        Assert.That(workshop.Digest(), Is.EqualTo(workshop.Digest("whole")));
    }

    [Test]
    public void A_journal_cut_within_its_first_line_is_started_over()
    {
        using Workshop workshop = Models();
        Stop(workshop);
        File.WriteAllText(Journal(workshop), "interfuse jour");

        Assert.That(workshop.Run(Recipe(), Options with { Resume = true }).TensorsResumed, Is.Zero);
    }

    [Test]
    public void A_damaged_journal_is_named_and_left()
    {
        using Workshop workshop = Models();
        Stop(workshop);
        string sound = File.ReadAllText(Journal(workshop));

        foreach (string line in new[] { "four 0", "4", "4 0 0", "4 many", "99 0", "-1 0" })
        {
            string damaged = $"{sound}{line}\n";
            File.WriteAllText(Journal(workshop), damaged);

            Assert.That(
                () => workshop.Run(Recipe(), Options with { Resume = true }),
                Throws.InstanceOf<InterfuseException>().With.Message.Contains(Journal(workshop))
                    .And.Message.Contains("without --resume"),
                line);
            Assert.That(File.ReadAllText(Journal(workshop)), Is.EqualTo(damaged));
        }
    }

    [Test]
    public void What_another_recipe_left_is_neither_resumed_nor_deleted()
    {
        using Workshop workshop = Models();
        Stop(workshop);

        Assert.That(
            () => workshop.Run(Recipe(density: 0.25), Options with { Resume = true }),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("out.partial")
                .And.Message.Contains("another recipe"));

        Assert.That(workshop.Run(Recipe(), Options with { Resume = true }).TensorsResumed, Is.EqualTo(StoppedAt));
    }

    [Test]
    public void A_shard_that_was_lost_is_made_anew()
    {
        using Workshop workshop = Models();
        workshop.Run(Recipe(), Options, "whole");
        Stop(workshop);
        string shard = Directory.GetFiles(workshop["out.partial"], "*-00001-of-*").Single();
        File.Delete(shard);

        MergeReport report = workshop.Run(Recipe(), Options with { Resume = true });

        Assert.That(report.TensorsResumed, Is.GreaterThan(0).And.LessThan(StoppedAt));
        Assert.That(workshop.Digest(), Is.EqualTo(workshop.Digest("whole")));
    }

    [Test]
    public void A_shard_of_another_size_is_refused_and_left()
    {
        using Workshop workshop = Models();
        Stop(workshop);
        string shard = Directory.GetFiles(workshop["out.partial"], "*-00001-of-*").Single();
        File.AppendAllText(shard, "x");

        Assert.That(
            () => workshop.Run(Recipe(), Options with { Resume = true }),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains(shard));
        Assert.That(File.Exists(Journal(workshop)), Is.True);
    }

    [Test]
    public void Values_that_are_no_numbers_are_reported_also_by_the_run_that_only_resumes()
    {
        using Workshop workshop = Models(bad: float.NaN);
        Stop(workshop);

        MergeReport report = workshop.Run(Recipe(), Options with { Resume = true });

        // Ten were there; each was kept with probability 0.5.
        Assert.That(report.NonFinite.Single().Tensor, Is.EqualTo("t0"));
        Assert.That(report.NonFinite[0].Count, Is.InRange(1, 10));
    }

    [Test]
    public void A_finished_model_that_can_not_be_put_in_place_is_kept()
    {
        using Workshop workshop = Models();
        MergeOptions options = Options with
        {
            Device = AtTensor(StoppedAt, () => workshop.Write("out/squatter", "")),
        };

        Assert.That(
            () => workshop.Run(Recipe(), options),
            Throws.InstanceOf<InterfuseException>().With.Message.Contains("not empty"));

        Assert.That(ModelTensors.Read(workshop["out.partial"]), Has.Count.EqualTo(Tensors));
    }

    [Test]
    public void Overwriting_replaces_all_that_was_there()
    {
        using Workshop workshop = Models();
        workshop.Write("out/old.txt", "");

        workshop.Run(Recipe(), Options with { Overwrite = true });

        Assert.That(File.Exists(workshop["out", "old.txt"]), Is.False);
        Assert.That(ModelTensors.Read(workshop.Target), Has.Count.EqualTo(Tensors));
    }

    [Test]
    public void A_merge_that_is_to_overwrite_leaves_the_old_in_place_when_stopped()
    {
        using Workshop workshop = Models();
        workshop.Write("out/old.txt", "");

        Stop(workshop, Options with { Overwrite = true });

        Assert.That(Directory.GetFileSystemEntries(workshop.Target), Is.EqualTo(new[] { workshop["out", "old.txt"] }));
    }

    [Test]
    public void Cancelling_at_any_moment_ends_the_merge_and_resumes_to_the_same_bytes()
    {
        using Workshop workshop = Models();
        workshop.Run(Recipe(), Options, "whole");
        MergeOptions options = Options with { Threads = 2, Resume = true };

        for (int tensors = 0; tensors < Tensors; tensors++)
        {
            using var cancellation = new CancellationTokenSource();
            var progress = new MergeProgress();
            var poll = new Thread(() =>
            {
                SpinWait.SpinUntil(() => progress.TensorsDone >= tensors);
                cancellation.Cancel();
            });
            using MergePlan plan = workshop.Plan(Recipe(), options);
            poll.Start();
            try
            {
                Merger.Run(plan, workshop.Target, progress, cancellation.Token);
                Directory.Delete(workshop.Target, recursive: true);
            }
            catch (OperationCanceledException)
            {
                Assert.That(Directory.Exists(workshop.Target), Is.False);
            }

            poll.Join();
        }

        workshop.Run(Recipe(), options);
        Assert.That(workshop.Digest(), Is.EqualTo(workshop.Digest("whole")));
    }

    private static string Journal(Workshop workshop) => workshop["out.partial", "journal"];

    private static string Recipe(double density = 0.5) => string.Create(CultureInfo.InvariantCulture, $$"""
        merge_method: dare_linear
        base_model: base
        models: [{model: a}]
        parameters: {weight: 1, density: {{density}} }
        """);

    private static Workshop Models(float bad = 1)
    {
        const int Length = 20_000;
        var workshop = new Workshop();
        float[] values = [.. Enumerable.Range(0, Length).Select(i => (float)i)];
        workshop.Model(
            "base", [.. Enumerable.Range(0, Tensors).Select(i => ModelTensors.Float32($"t{i}", [Length], values))]);
        float[] expert = [.. values.Select(float.Sqrt)];
        values.AsSpan(0, 10).Fill(bad);
        workshop.Model(
            "a",
            [.. Enumerable.Range(0, Tensors).Select(
                i => ModelTensors.Float32($"t{i}", [Length], i == 0 ? values : expert))]);
        return workshop;
    }

    /// <summary>Stops a merge on one thread when all tensors before one are on the disk and in the journal.</summary>
    private static void Stop(Workshop workshop, MergeOptions? options = null)
    {
        using var cancellation = new CancellationTokenSource();
        using MergePlan plan = workshop.Plan(Recipe(), (options ?? Options) with
        {
            Device = AtTensor(StoppedAt, () =>
            {
                SpinWait.SpinUntil(() => EntriesIn(Journal(workshop)) == StoppedAt);
                cancellation.Cancel();
            }),
        });

        Assert.That(
            () => Merger.Run(plan, workshop.Target, new MergeProgress(), cancellation.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    private static int EntriesIn(string journal)
    {
        using var reader = new StreamReader(
            new FileStream(journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Count(character => character == '\n') - 1;
    }

    /// <summary>The engine's own random numbers, and an action when those of a tensor are asked for.</summary>
    private static CpuDevice AtTensor(int index, Action action) => new(threads: 1)
    {
        Numbers = (drop, first, numbers) =>
        {
            if (drop.Stream == DropStream.Of($"t{index}", 0) && first == 0)
            {
                action();
            }

            new CpuKernels().PhiloxNumbers(drop.Seed, drop.Stream, first, numbers);
        },
    };
}
