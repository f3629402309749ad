using System.Diagnostics.Metrics;
using Interfuse.Experts;
using Interfuse.Experts.Routing;
using Interfuse.Server.Jobs;
using Interfuse.Testing;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Tests.Jobs;

/// <summary>Jobs from the queue to their end, and over the ends of the server.</summary>
public sealed class MergeRunnerTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase("ties", "model")]
    [TestCase("channel_merging", "pack")]
    public async Task A_job_makes_the_bytes_of_the_command_line(string method, string kind)
    {
        string yaml = File.ReadAllText(Path.Combine(JobModels.Tiny, method + ".yml"));
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);

        MergeJob job = await host.EndOf(host.Jobs.Submit(new MergeRequest(yaml, "made")));

        Assert.That(job.State, Is.EqualTo(MergeJobState.Done), job.Error);
        Assert.That(JobModels.Hashes(_folder["outputs", "made"]), Is.EqualTo(JobModels.Made(_folder, JobModels.Tiny, yaml)));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]).Count(), Is.EqualTo(1));
        Assert.That(job.Method, Is.EqualTo(method));
        Assert.That(job.Result!.Kind, Is.EqualTo(kind));
        Assert.That(
            job.Result.Bytes,
            Is.EqualTo(new DirectoryInfo(_folder["outputs", "made"]).EnumerateFiles().Sum(file => file.Length)));
        Assert.That(job.Attempts, Is.EqualTo(1));
        Assert.That(new[] { job.CreatedAt, job.StartedAt!.Value, job.FinishedAt!.Value }, Is.Ordered);
        if (kind == "pack")
        {
            Assert.That(job.Result.Experts, Is.EqualTo(new[] { "add", "cipher", "reverse", "sort" }));
            var manifest = PackManifest.Read(_folder["outputs", "made", PackManifest.FileName]);
            Assert.That(job.Result.Identity, Is.EqualTo(PackIdentity.Of(manifest)));
        }
        else
        {
            Assert.That(job.Result.Experts, Is.Empty);
            Assert.That(job.Result.Identity, Has.Length.EqualTo(64));
        }
    }

    [Test]
    public async Task A_search_by_tasks_is_a_job()
    {
        const string Soup = """
            merge_method: greedy_soup
            models: [{model: add}, {model: sort}]
            evaluate: {tasks: [tasks/add.jsonl], limit: 2, max_tokens: 4}
            """;
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);

        MergeJob job = await host.EndOf(host.Jobs.Submit(new MergeRequest(Soup, "soup")));

        Assert.That(job.State, Is.EqualTo(MergeJobState.Done), job.Error);
        Assert.That(_folder["outputs", "soup", "greedy_soup.json"], Does.Exist);
    }

    [Test]
    public async Task Progress_never_goes_back()
    {
        JobModels.Write(_folder["models"]);
        await using JobsHost host = await JobsHost.StartAsync(_folder, configure: options => options.Threads = 1);
        MergeJob job = host.Jobs.Submit(new MergeRequest(JobModels.Ties, "made"));

        List<MergeJobProgress> seen = [];
        await host.Until(job, now =>
        {
            if (now.Progress is { } progress)
            {
                seen.Add(progress);
            }

            return now.State is not (MergeJobState.Queued or MergeJobState.Running);
        });

        Assert.That(seen, Is.Not.Empty);
        Assert.That(seen.Select(progress => progress.Share), Is.Ordered.And.All.InRange(0, 0.99));
        Assert.That(seen.Select(progress => progress.Bytes), Is.Ordered.And.All.LessThanOrEqualTo(20L << 20));
        Assert.That(seen.Select(progress => progress.Tensors), Is.Ordered);
        Assert.That(seen, Has.All.Property("TotalBytes").EqualTo(20L << 20).And.All.Property("TotalTensors").EqualTo(10));
        Assert.That(seen[^1].Share, Is.Positive);
    }

    [Test]
    public async Task A_job_that_runs_is_cancelled_soon_and_nothing_is_left()
    {
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);
        MergeJob job = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "made"));
        await host.Until(job, now => now.Progress?.Candidates > 0);

        Task<MergeJob> cancelling = host.Jobs.CancelAsync(job.Id);

        Assert.That(await Task.WhenAny(cancelling, Task.Delay(20_000)), Is.SameAs(cancelling), "a guard against hanging");
        MergeJob cancelled = await cancelling;
        Assert.That(cancelled.State, Is.EqualTo(MergeJobState.Cancelled));
        Assert.That(cancelled.FinishedAt, Is.Not.Null);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
        Assert.That((await host.Jobs.CancelAsync(job.Id)).State, Is.EqualTo(MergeJobState.Cancelled), "again is no mistake");
    }

    [Test]
    public async Task A_job_that_waits_is_cancelled_at_once_and_one_that_has_ended_is_not()
    {
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);
        MergeJob first = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "first"));
        await host.Until(first, now => now.State == MergeJobState.Running);
        MergeJob second = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "second"));

        Assert.That((await host.Jobs.CancelAsync(second.Id)).State, Is.EqualTo(MergeJobState.Cancelled));
        await host.Jobs.CancelAsync(first.Id);
        MergeJob third = await host.EndOf(host.Jobs.Submit(Small("third")));
        var refused = Assert.ThrowsAsync<MergeJobException>(() => host.Jobs.CancelAsync(third.Id));

        Assert.That(refused.Fault, Is.EqualTo(MergeJobFault.Conflict));
        Assert.That(_folder["outputs", "third"], Does.Exist);
    }

    [Test]
    public async Task A_job_whose_model_has_gone_fails_with_a_reason_that_names_no_place()
    {
        foreach (string name in new[] { "base", "add", "sort" })
        {
            Copy(Path.Combine(JobModels.Tiny, name), _folder["models", name]);
        }

        // Of their own, so that the job before them goes on.
        Copy(Path.Combine(JobModels.Tiny, "sort"), _folder["models", "lost"]);
        Copy(Path.Combine(JobModels.Tiny, "add"), _folder["models", "torn"]);
        Copy(Path.Combine(JobModels.Tiny, "tasks"), _folder["models", "tasks"]);
        await using JobsHost host = await JobsHost.StartAsync(_folder);
        MergeJob first = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "first"));
        await host.Until(first, now => now.State == MergeJobState.Running);
        MergeJob gone = host.Jobs.Submit(Small("gone", "lost"));
        Directory.Move(_folder["models", "lost"], _folder["lost"]);
        MergeJob broken = host.Jobs.Submit(Small("broken", "torn"));
        File.WriteAllBytes(_folder["models", "torn", "model.safetensors"], new byte[16]);
        await host.Jobs.CancelAsync(first.Id);

        gone = await host.EndOf(gone);
        broken = await host.EndOf(broken);

        Assert.That(gone.State, Is.EqualTo(MergeJobState.Failed));
        Assert.That(gone.Error, Is.EqualTo("line 2, column 18: There is no such folder inside an allowed folder."));
        Assert.That(broken.State, Is.EqualTo(MergeJobState.Failed));
        Assert.That(broken.Error, Does.StartWith("torn/model.safetensors").And.Not.Contain(_folder.Path));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task A_job_that_meets_the_end_of_the_server_goes_on_where_it_was()
    {
        MergeJob job;
        await using (JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny))
        {
            job = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "made"));
            await host.Until(job, now => now.Progress?.Candidates >= 2);
        }

        Assert.That(_folder["outputs", "made.partial"], Does.Exist);
        await using JobsHost next = await JobsHost.StartAsync(_folder, JobModels.Tiny);
        MergeJob again = await next.Until(job, now => now.Progress is { Candidates: > 0 });

        Assert.That(again.Progress!.Candidates, Is.GreaterThanOrEqualTo(2));
        Assert.That(again.Attempts, Is.EqualTo(1), "an end in order does not count");
        await next.Jobs.CancelAsync(job.Id);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [TestCase("ties")]
    [TestCase("greedy_soup")]
    public async Task A_result_that_was_put_in_place_just_before_the_end_is_found(string method)
    {
        string yaml = method == "ties"
            ? File.ReadAllText(Path.Combine(JobModels.Tiny, "ties.yml"))
            : "merge_method: greedy_soup\nmodels: [{model: add}, {model: sort}]\n"
                + "evaluate: {tasks: tasks/add.jsonl, limit: 1, max_tokens: 1}\n";
        MergeJob job;
        await using (JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny))
        {
            job = await host.EndOf(host.Jobs.Submit(new MergeRequest(yaml, "made")));
        }

        JobsHost.Change(_folder, "UPDATE jobs SET state = 'running', attempts = 3, finished = NULL, result = NULL");
        _folder.Write("outputs/made/.interfuse.lock", "");
        await using JobsHost next = await JobsHost.StartAsync(_folder, JobModels.Tiny);
        MergeJob again = await next.EndOf(job);

        Assert.That(again.State, Is.EqualTo(MergeJobState.Done), again.Error);
        Assert.That(again.Result!.Identity, Is.EqualTo(job.Result!.Identity));
        Assert.That(again.Result.Bytes, Is.EqualTo(job.Result.Bytes), "without the lock");
    }

    [Test]
    public async Task A_job_that_the_server_did_not_survive_too_often_is_given_up()
    {
        await LeaveUnfinished();
        JobsHost.Change(_folder, "UPDATE jobs SET state = 'running', attempts = 3");

        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);

        MergeJob job = host.Jobs.List(1)[0];
        Assert.That(job.State, Is.EqualTo(MergeJobState.Failed));
        Assert.That(job.Error, Does.Contain("3 times"));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task A_job_that_was_being_cancelled_when_the_server_ended_does_not_go_on()
    {
        await LeaveUnfinished();
        JobsHost.Change(_folder, "UPDATE jobs SET state = 'running', attempts = 1, stopping = 1");

        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);

        Assert.That(host.Jobs.List(1)[0].State, Is.EqualTo(MergeJobState.Cancelled));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task Jobs_are_counted_by_how_they_ended()
    {
        var counts = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Name == "Interfuse.Server"
                && instrument.Name.StartsWith("interfuse.merges.", StringComparison.Ordinal))
            {
                own.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);
        MergeJob running = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "running"));
        await host.Until(running, now => now.State == MergeJobState.Running);
        MergeJob waiting = host.Jobs.Submit(Small("waiting"));
        listener.RecordObservableInstruments();

        Assert.That(CountOf("interfuse.merges.queued"), Is.EqualTo(1));
        Assert.That(CountOf("interfuse.merges.running"), Is.EqualTo(1));

        await host.Jobs.CancelAsync(running.Id);
        waiting = await host.EndOf(waiting);
        counts.Remove("interfuse.merges.written");
        listener.RecordObservableInstruments();

        // Counted just after it is written down.
        Assert.That(() => CountOf("interfuse.merges.ended done"), Is.EqualTo(1).After(10_000, 10));
        Assert.That(CountOf("interfuse.merges.ended cancelled"), Is.EqualTo(1));
        Assert.That(CountOf("interfuse.merges.written"), Is.InRange(1_000_000, waiting.Result!.Bytes));

        long CountOf(string name)
        {
            lock (counts)
            {
                return counts.GetValueOrDefault(name);
            }
        }

        void Add(Instrument instrument, long value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            lock (counts)
            {
                string name = instrument.Name + (tags.Length > 0 ? $" {tags[0].Value}" : "");
                counts[name] = instrument is Counter<long> ? counts.GetValueOrDefault(name) + value : value;
            }
        }
    }

    [Test]
    public void A_damaged_list_stops_the_start_and_is_named()
    {
        _folder.Write("state/merges.db", "no list");

        Assert.That(
            async () => await JobsHost.StartAsync(_folder, JobModels.Tiny),
            Throws.TypeOf<InterfuseException>().With.Message.Contains(_folder["state", "merges.db"]));
    }

    [Test]
    public void Settings_that_make_no_sense_stop_the_start_and_are_named()
    {
        var error = Assert.ThrowsAsync<OptionsValidationException>(() => JobsHost.StartAsync(_folder, JobModels.Tiny, options =>
        {
            options.StateFolder = null;
            options.ModelRoots.Add(_folder["absent"]);
            options.Device = "gpu";
            options.MaxQueued = 0;
        }));

        string[] settings = ["StateFolder", "ModelRoots", "Device", "MaxQueued"];
        Assert.That(
            settings, Has.All.Matches<string>(setting => error.Message.Contains($"Interfuse:Merges:{setting}: expected")));
    }

    [Test]
    public async Task Without_an_output_folder_there_are_no_jobs()
    {
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny, options => options.OutputRoot = null);

        var refused = Assert.Throws<MergeJobException>(() => host.Jobs.Submit(Small("made")));

        Assert.That(refused.Fault, Is.EqualTo(MergeJobFault.NotConfigured));
    }

    private static MergeRequest Small(string output, string model = "sort") => new(
        $"merge_method: linear\nmodels: [{{model: {model}, parameters: {{weight: 1}}}}, "
            + "{model: base, parameters: {weight: 1}}]\n",
        output);

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private async Task LeaveUnfinished()
    {
        await using JobsHost host = await JobsHost.StartAsync(_folder, JobModels.Tiny);
        MergeJob job = host.Jobs.Submit(new MergeRequest(JobModels.Endless, "made"));
        await host.Until(job, now => now.Progress?.Candidates > 0);
    }
}
