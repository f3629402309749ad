using System.Text.Json;
using Interfuse.Server.Tests.Http;
using Interfuse.Testing;

namespace Interfuse.Server.Tests.Jobs;

/// <summary>Merge jobs by way of HTTP.</summary>
public sealed class MergeEndpointTests
{
    private const string Linear = "merge_method: linear\nmodels: [{model: add, parameters: {weight: 1}}]\n";

    private TempFolder _folder = null!;
    private RunningServer _server = null!;

    [SetUp]
    public async Task StartServer()
    {
        _folder = new TempFolder();
        Directory.CreateDirectory(_folder["outputs"]);
        _server = await RunningServer.StartAsync(
        [
            .. RunningServer.Keys,
            ("Merges:ModelRoots:0", JobModels.Tiny),
            ("Merges:OutputRoot", _folder["outputs"]),
            ("Merges:StateFolder", _folder["state"]),
            ("Merges:MaxQueued", "1"),
        ]);
    }

    [TearDown]
    public async Task StopServer()
    {
        await _server.App.StopAsync();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Test]
    public async Task A_job_is_accepted_followed_and_done()
    {
        Reply accepted = await Submit(Linear, "made");

        Assert.That(accepted.Status, Is.EqualTo(202), accepted.Text);
        string id = accepted.Json.GetProperty("id").GetString()!;
        Assert.That(accepted.Headers["Location"], Is.EqualTo($"/v1/merges/{id}"));
        Assert.That(accepted.Json.GetProperty("state").GetString(), Is.EqualTo("queued").Or.EqualTo("running").Or.EqualTo("done"));

        JsonElement done = await EndOf(id);

        Assert.That(done.GetProperty("state").GetString(), Is.EqualTo("done"));
        Assert.That(done.GetProperty("object").GetString(), Is.EqualTo("merge"));
        Assert.That(done.GetProperty("output").GetString(), Is.EqualTo("made"));
        Assert.That(done.GetProperty("recipe").GetString(), Is.EqualTo(Linear));
        Assert.That(done.GetProperty("result").GetProperty("kind").GetString(), Is.EqualTo("model"));
        Assert.That(done.GetProperty("result").GetProperty("identity").GetString(), Has.Length.EqualTo(64));
        Assert.That(done.GetProperty("error").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(_folder["outputs", "made", "model.safetensors"], Does.Exist);
    }

    [Test]
    public async Task Jobs_are_listed_by_pages()
    {
        string[] ids = new string[3];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = (await Submit(Linear, $"made{i}")).Json.GetProperty("id").GetString()!;
            await EndOf(ids[i]);
        }

        Reply first = await Get("/v1/merges?limit=2");
        Reply second = await Get($"/v1/merges?limit=2&after={ids[1]}");

        Assert.That(IdsOf(first), Is.EqualTo(new[] { ids[2], ids[1] }));
        Assert.That(first.Json.GetProperty("has_more").GetBoolean(), Is.True);
        Assert.That(IdsOf(second), Is.EqualTo(new[] { ids[0] }));
        Assert.That(second.Json.GetProperty("has_more").GetBoolean(), Is.False);
        (await Get("/v1/merges?limit=0")).AssertError(400, parameter: "limit");
        (await Get("/v1/merges?limit=99999999999")).AssertError(400, parameter: "limit");
        (await Get("/v1/merges?after=merge-1")).AssertError(404, "merge_not_found", "after");
    }

    [Test]
    public async Task A_job_is_cancelled()
    {
        string id = (await Submit(JobModels.Endless, "made")).Json.GetProperty("id").GetString()!;
        while ((await Get($"/v1/merges/{id}")).Json.GetProperty("progress") is not { ValueKind: JsonValueKind.Object })
        {
            await Task.Delay(10);
        }

        Reply cancelled = await Delete(id);

        Assert.That(cancelled.Status, Is.EqualTo(200), cancelled.Text);
        Assert.That(cancelled.Json.GetProperty("state").GetString(), Is.EqualTo("cancelled"));
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
        Assert.That((await Delete(id)).Status, Is.EqualTo(200));
        (await Delete("merge-1")).AssertError(404, "merge_not_found", "id");
    }

    [Test]
    public async Task A_full_queue_is_429_with_a_time_to_come_back()
    {
        string running = (await Submit(JobModels.Endless, "running")).Json.GetProperty("id").GetString()!;
        while ((await Get($"/v1/merges/{running}")).Json.GetProperty("state").GetString() != "running")
        {
            await Task.Delay(10);
        }

        Assert.That((await Submit(Linear, "waiting")).Status, Is.EqualTo(202));
        Reply refused = await Submit(Linear, "refused");

        refused.AssertError(429);
        Assert.That(int.Parse(refused.Headers["Retry-After"], provider: null), Is.Positive);
        (await Submit(Linear, "running")).AssertError(409, "conflict", "output");
    }

    [TestCase("""{"output": "made"}""", "recipe")]
    [TestCase("""{"recipe": "merge_method: linear"}""", "output")]
    [TestCase("""{"recipe": 5, "output": "made"}""", "recipe")]
    [TestCase("""{"recipe": "merge_method: lineaar\nmodels: [{model: add}]", "output": "made"}""", "recipe")]
    [TestCase("""{"recipe": "merge_method: passthrough\nmodels: [{model: ../../secret}]", "output": "made"}""", "recipe")]
    [TestCase("""{"recipe": "merge_method: passthrough\nmodels: [{model: add}]", "output": "../made"}""", "output")]
    [TestCase("""{"recipe": "merge_method: passthrough\nmodels: [{model: add}]", "output": "made", "threads": 99999}""", "threads")]
    [TestCase("""{"recipe": "merge_method: passthrough\nmodels: [{model: add}]", "output": "made", "threads": 1e99}""", "threads")]
    [TestCase("""{"recipe": "merge_method: passthrough\nmodels: [{model: add}]", "output": "made", "device": "gpu"}""", "device")]
    [TestCase("{", null)]
    [TestCase("[]", null)]
    public async Task A_request_at_fault_is_refused(string body, string? parameter)
    {
        Reply refused = await _server.PostAsync("/v1/merges", body, RunningServer.AdminKey);

        refused.AssertError(400, parameter: parameter);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task The_place_of_a_mistake_in_the_recipe_is_told()
    {
        Reply refused = await Submit("merge_method: linear\nmodels:\n- {model: add, parameters: {wieght: 1}}\n", "made");

        refused.AssertError(400, "invalid_recipe", "recipe");
        Assert.That(refused.Error.GetProperty("message").GetString(), Does.StartWith("line 3, column "));
    }

    [Test]
    public async Task Jobs_need_a_key_for_administration()
    {
        string body = JsonSerializer.Serialize(new { recipe = Linear, output = "made" });

        (await _server.PostAsync("/v1/merges", body)).AssertError(401);
        (await _server.PostAsync("/v1/merges", body, RunningServer.Key)).AssertError(403);
        (await _server.GetAsync("/v1/merges", RunningServer.Key)).AssertError(403);
        (await _server.GetAsync("/v1/merges/merge-1", RunningServer.Key)).AssertError(403);
        Assert.That(Directory.EnumerateFileSystemEntries(_folder["outputs"]), Is.Empty);
    }

    [Test]
    public async Task A_server_without_an_output_folder_says_so()
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);

        (await server.GetAsync("/v1/merges", RunningServer.AdminKey)).AssertError(404, "merges_not_configured");
    }

    [Test]
    public void A_setting_that_is_misspelt_or_makes_no_sense_stops_the_start()
    {
        Assert.That(
            () => RunningServer.Configuration(("Merges:OutputRot", _folder["outputs"])),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("did you mean 'OutputRoot'"));
        Assert.That(
            async () => await RunningServer.StartAsync(("Merges:OutputRoot", _folder["absent"])),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("Interfuse:Merges:OutputRoot"));
    }

    private Task<Reply> Submit(string recipe, string output) => _server.PostAsync(
        "/v1/merges", JsonSerializer.Serialize(new { recipe, output }), RunningServer.AdminKey);

    private Task<Reply> Get(string path) => _server.GetAsync(path, RunningServer.AdminKey);

    private Task<Reply> Delete(string id) => _server.SendAsync(new(HttpMethod.Delete, $"/v1/merges/{id}"), RunningServer.AdminKey);

    private async Task<JsonElement> EndOf(string id)
    {
        while (true)
        {
            JsonElement job = (await Get($"/v1/merges/{id}")).Json;
            if (job.GetProperty("state").GetString() is not ("queued" or "running"))
            {
                return job;
            }

            await Task.Delay(10);
        }
    }

    private static string[] IdsOf(Reply list) =>
        [.. list.Json.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("id").GetString()!)];
}
