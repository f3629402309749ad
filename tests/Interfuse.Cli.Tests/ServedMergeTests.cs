using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Merge jobs of <c>interfuse serve</c>, and servers that end in the middle of one.</summary>
[Platform("Linux", Reason = "sends signals by Linux's numbers")]
public sealed class ServedMergeTests
{
    private const string Key = "sk-test-of-merges";
    private const int Kill = 9;

    // Ten seconds or more, by code that the JIT doesn't optimize: such a job is always caught at work.
    private static readonly (string, string)[] Slowly = [("INTERFUSE_CPU_PATH", "scalar"), ("DOTNET_JITMinOpts", "1")];

    private TempFolder _folder = null!;

    private string Output => _folder["outputs", "made"];

    [SetUp]
    public void WriteModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder, seed =>
        [
            .. Enumerable.Range(0, 10).Select(layer =>
                SmallModels.BFloat16(seed, $"model.layers.{layer}.mlp.up_proj.weight", 1024, 1024)),
        ]);
        Directory.CreateDirectory(_folder["outputs"]);
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase("ties", SmallModels.Ties)]
    [TestCase("channel_merging", """
        merge_method: channel_merging
        base_model: ./base
        models: [{model: ./expert1}, {model: ./expert2}]
        parameters: {groups: 1}
        dtype: bfloat16
        """)]
    public async Task A_job_goes_on_after_the_server_was_killed_and_makes_the_bytes_of_the_command_line(string method, string yaml)
    {
        string id = await SubmitAndKill(yaml);
        Assert.That(Output, Does.Not.Exist);
        string[] finished = File.ReadAllLines(_folder["outputs", "made.partial", "journal"]);
        Assert.That(finished, Has.Length.InRange(2, 10), "a header, and what need not be done again");

        using ServingProcess server = await Serve([]);
        JsonElement job = await EndOf(server, id);

        Assert.That(job.GetProperty("state").GetString(), Is.EqualTo("done"), job.ToString());
        Assert.That(job.GetProperty("attempts").GetInt32(), Is.EqualTo(2));
        Outcome merged = CommandLine.Run(
            "merge", _folder.Write(method + ".yml", yaml), _folder["undisturbed"], "--shard-size", "5MB");
        Assert.That(merged.ExitCode, Is.EqualTo(ExitCode.Ok), merged.Error);
        Assert.That(SmallModels.Hashes(Output), Is.EqualTo(SmallModels.Hashes(_folder["undisturbed"])));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]).Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_job_whose_model_has_changed_since_is_reported_and_leaves_nothing()
    {
        string id = await SubmitAndKill(SmallModels.Ties);
        File.SetLastWriteTimeUtc(_folder["expert1", "model.safetensors"], DateTime.UtcNow.AddHours(1));

        using ServingProcess server = await Serve([]);
        JsonElement job = await EndOf(server, id);

        Assert.That(job.GetProperty("state").GetString(), Is.EqualTo("failed"));
        Assert.That(job.GetProperty("error").GetString(), Does.Contain("have changed since"));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task A_job_that_no_server_survives_is_given_up_at_last()
    {
        string id = await SubmitAndKill(SmallModels.Ties);
        for (int attempt = 2; attempt <= 3; attempt++)
        {
            using ServingProcess server = await Serve(Slowly);
            JsonElement running = await Until(server, id, job => job.GetProperty("state").GetString() == "running");
            Assert.That(running.GetProperty("attempts").GetInt32(), Is.EqualTo(attempt));
            server.Signal(Kill);
            await server.WaitAsync();
        }

        using ServingProcess last = await Serve([]);
        JsonElement given = await EndOf(last, id);

        Assert.That(given.GetProperty("state").GetString(), Is.EqualTo("failed"));
        Assert.That(given.GetProperty("error").GetString(), Does.Contain("3 times"));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task A_server_that_is_told_to_end_puts_its_job_aside_at_once()
    {
        string id;
        using (ServingProcess server = await Serve(Slowly))
        {
            id = await Submit(server, SmallModels.Ties);
            await UntilAtWork();
            server.Signal(RunningCommand.Terminate);

            (int exitCode, string error) = await server.WaitAsync();
            Assert.That(exitCode, Is.EqualTo(ExitCode.Ok), error);
            Assert.That(error, Does.Contain("put aside"));
        }

        Assert.That(Output, Does.Not.Exist);
        using ServingProcess next = await Serve([]);
        JsonElement job = await EndOf(next, id);
        Assert.That(job.GetProperty("state").GetString(), Is.EqualTo("done"), job.ToString());
        Assert.That(job.GetProperty("attempts").GetInt32(), Is.EqualTo(1), "an end in order does not count");
    }

    [Test]
    public void A_damaged_list_of_jobs_ends_the_start_with_a_word_on_it()
    {
        _folder.Write("state/merges.db", "no list of jobs");

        Outcome outcome = CommandLine.Run(["serve", "--port", "0", .. Settings()]);

        Assert.That(outcome.ExitCode, Is.EqualTo(ExitCode.BadInput), outcome.Error);
        Assert.That(outcome.ErrorLines[^1], Does.StartWith("error: ").And.Contains(_folder["state", "merges.db"]));
    }

    private async Task<string> SubmitAndKill(string yaml)
    {
        using ServingProcess server = await Serve(Slowly);
        string id = await Submit(server, yaml);
        await UntilAtWork();
        server.Signal(Kill);
        await server.WaitAsync();
        return id;
    }

    // With a tensor in the journal, that is.
    private async Task UntilAtWork()
    {
        string journal = _folder["outputs", "made.partial", "journal"];
        long begin = Environment.TickCount64;
        while (!File.Exists(journal) || File.ReadAllLines(journal).Length < 2)
        {
            GuardAgainstHanging(begin);
            await Task.Delay(5);
        }
    }

    private async Task<ServingProcess> Serve((string, string)[] environment)
    {
        ServingProcess server = await ServingProcess.StartAsync(environment, Settings());
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        return server;
    }

    private string[] Settings()
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Key)));
        string[] settings =
        [
            $"ModelRoots:0={_folder.Path}", $"OutputRoot={_folder["outputs"]}", $"StateFolder={_folder["state"]}",
            "Threads=1", "ShardSize=5000000",
        ];
        return ["--admin-key-hash", hash, .. settings.SelectMany(setting => new[] { "--set", $"Merges:{setting}" })];
    }

    private static async Task<string> Submit(ServingProcess server, string recipe)
    {
        using HttpResponseMessage accepted = await server.Client.PostAsJsonAsync("/v1/merges", new { recipe, output = "made" });
        string text = await accepted.Content.ReadAsStringAsync();
        Assert.That(accepted.StatusCode, Is.EqualTo(HttpStatusCode.Accepted), text);
        return JsonDocument.Parse(text).RootElement.GetProperty("id").GetString()!;
    }

    private static Task<JsonElement> EndOf(ServingProcess server, string id) =>
        Until(server, id, job => job.GetProperty("state").GetString() is not ("queued" or "running"));

    private static async Task<JsonElement> Until(ServingProcess server, string id, Predicate<JsonElement> condition)
    {
        long begin = Environment.TickCount64;
        while (true)
        {
            JsonElement job = await server.Client.GetFromJsonAsync<JsonElement>($"/v1/merges/{id}");
            if (condition(job))
            {
                return job;
            }

            GuardAgainstHanging(begin);
            await Task.Delay(20);
        }
    }

    private static void GuardAgainstHanging(long begin) => Assert.That(
        TimeSpan.FromMilliseconds(Environment.TickCount64 - begin), Is.LessThan(TimeSpan.FromMinutes(2)), "what is waited for");
}
