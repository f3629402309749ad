using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Server.Tests.Http;

/// <summary>Models are loaded and unloaded by way of the server, from allowed folders only.</summary>
public sealed class AdminTests
{
    private TempFolder _folder = null!;
    private RunningServer _server = null!;

    [SetUp]
    public async Task Start()
    {
        _folder = new TempFolder();
        _folder.Write("models/llama/config.json", "{}");
        _folder.Write("elsewhere/config.json", "{}");
        _server = await RunningServer.StartAsync([.. RunningServer.Keys, ("Http:ModelRoots:0", _folder["models"])]);
    }

    [TearDown]
    public async Task Stop()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Test]
    public async Task A_model_is_loaded_listed_pinned_and_unloaded()
    {
        Reply loaded = await PostAsync("", """{"path":"llama","name":"mine","pinned":true}""");
        Reply list = await _server.GetAsync("/v1/admin/models", RunningServer.AdminKey);
        Reply pinned = await DeleteAsync("/mine");
        Reply unpinned = await DeleteAsync("/mine/pin");
        Reply unloaded = await DeleteAsync("/mine");
        Reply gone = await DeleteAsync("/mine");

        Assert.That(loaded.Status, Is.EqualTo(201), loaded.Text);
        Assert.That(loaded.Json.GetProperty("path").GetString(), Is.EqualTo("llama"));
        Assert.That(loaded.Json.GetProperty("pinned").GetBoolean(), Is.True);
        Assert.That(_server.Engine.Sources.Single().Path, Is.EqualTo(_folder["models", "llama"]));
        JsonElement[] models = [.. list.Json.GetProperty("data").EnumerateArray()];
        Assert.That(models.Select(model => model.GetProperty("name").GetString()), Is.EqualTo(new[] { "tiny", "base", "mine" }));
        Assert.That(models[0].GetProperty("path").ValueKind, Is.EqualTo(JsonValueKind.Null), "it lies in no allowed folder");
        Assert.That(models[0].GetProperty("bytes").GetInt64(), Is.EqualTo(1000));
        pinned.AssertError(400);
        Assert.That(unpinned.Json.GetProperty("pinned").GetBoolean(), Is.False);
        Assert.That(unloaded.Text, Is.EqualTo("""{"name":"mine","object":"model","deleted":true}"""));
        gone.AssertError(404, "model_not_found", "model");
        Assert.That(loaded.Text + list.Text, Does.Not.Contain(_folder.Path).And.Not.Contain("/secret"));
    }

    [TestCase("""{}""")]
    [TestCase("""{"path":5}""")]
    [TestCase("""{"path":""}""")]
    [TestCase("""{"path":"absent"}""")]
    [TestCase("""{"path":"../elsewhere"}""")]
    [TestCase("""{"path":"llama/../../elsewhere"}""")]
    [TestCase("""{"path":"/etc"}""")]
    [TestCase("""{"path":"llama\u0000"}""")]
    public async Task A_path_that_leads_nowhere_or_elsewhere_is_refused(string body)
    {
        Reply reply = await PostAsync("", body);

        reply.AssertError(400, parameter: "path");
        Assert.That(reply.Text, Does.Not.Contain(_folder.Path));
        Assert.That(_server.Engine.Sources, Is.Empty);
    }

    [Test]
    public async Task A_model_that_can_not_be_run_is_told_by_the_path_that_the_client_gave()
    {
        _server.Engine.LoadFault = source => new InterfuseException($"{source.Path}/config.json: no architecture is named.");

        Reply reply = await PostAsync("", """{"path":"llama"}""");

        reply.AssertError(400, "model_not_loaded", "path");
        Assert.That(reply.Error.GetProperty("message").GetString(), Is.EqualTo("llama/config.json: no architecture is named."));
    }

    [Test]
    public async Task Files_elsewhere_are_not_told_of()
    {
        _server.Engine.LoadFault = source => new InterfuseException($"{source.Path} and {_folder["models"]}/other: differ.");

        Reply reply = await PostAsync("", """{"path":"llama"}""");

        reply.AssertError(400, "model_not_loaded", "path");
        Assert.That(reply.Text, Does.Not.Contain(_folder.Path));
    }

    [Test]
    public async Task Without_allowed_folders_nothing_is_loaded()
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);

        Reply reply = await server.PostAsync("/v1/admin/models", """{"path":"/tmp"}""", RunningServer.AdminKey);

        reply.AssertError(400, parameter: "path");
        Assert.That(reply.Error.GetProperty("message").GetString(), Does.Contain("allows clients no folder"));
    }

    private Task<Reply> PostAsync(string path, string body) =>
        _server.PostAsync($"/v1/admin/models{path}", body, RunningServer.AdminKey);

    private Task<Reply> DeleteAsync(string path) =>
        _server.SendAsync(new(HttpMethod.Delete, $"/v1/admin/models{path}"), RunningServer.AdminKey);
}
