using Interfuse.Server.Engine;
using Interfuse.Server.Http.Security;

namespace Interfuse.Server.Tests.Http;

/// <summary>Who may ask, and how much at once.</summary>
public sealed class AccessTests
{
    private const string Completion = """{"model":"base","prompt":"x"}""";
    private const string Wrong = "sk-test-0123456789abcdef-wrong";

    private static readonly string[] Guarded = ["/v1/models", "/v1/models/base", "/metrics"];

    [TestCaseSource(nameof(Guarded))]
    public async Task With_keys_configured_whoever_has_none_learns_nothing(string path)
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);

        foreach (string? key in new[] { null, "", Wrong, RunningServer.Key[..^1], RunningServer.Key + "x", ApiKeyHash.Of(RunningServer.Key) })
        {
            Reply refused = await server.GetAsync(path, key);
            refused.AssertError(401, "invalid_api_key");
            Assert.That(refused.Headers["WWW-Authenticate"], Is.EqualTo("Bearer"));
        }

        Assert.That((await server.GetAsync(path, RunningServer.Key)).Status, Is.EqualTo(200));
        Assert.That((await server.GetAsync(path, RunningServer.AdminKey)).Status, Is.EqualTo(200));
    }

    [TestCase("Basic c2stdGVzdDo=")]
    [TestCase("sk-test-0123456789abcdef-client")]
    public async Task Another_scheme_is_no_key(string header)
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        Assert.That(request.Headers.TryAddWithoutValidation("Authorization", header), Is.True);

        (await server.SendAsync(request)).AssertError(401, "invalid_api_key");
    }

    [Test]
    public async Task Answers_need_a_key_before_anything_else_is_looked_at()
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);

        (await server.PostAsync("/v1/completions", "{")).AssertError(401);
        (await server.PostAsync("/v1/chat/completions", "{", Wrong)).AssertError(401);
        Assert.That((await server.PostAsync("/v1/completions", Completion, RunningServer.Key)).Status, Is.EqualTo(200));
        Assert.That(server.Engine.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Administration_needs_a_key_for_it()
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);

        (await server.GetAsync("/v1/admin/models")).AssertError(401);
        (await server.GetAsync("/v1/admin/models", RunningServer.Key)).AssertError(403, "insufficient_permissions");
        Assert.That((await server.GetAsync("/v1/admin/models", RunningServer.AdminKey)).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task Without_keys_everybody_may_ask_and_nobody_administer()
    {
        await using RunningServer server = await RunningServer.StartAsync();

        Assert.That((await server.GetAsync("/v1/models")).Status, Is.EqualTo(200));
        Assert.That((await server.GetAsync("/v1/models", "any key, as clients always send one")).Status, Is.EqualTo(200));
        (await server.GetAsync("/v1/admin/models")).AssertError(403, "insufficient_permissions");
        (await server.PostAsync("/v1/admin/models", """{"path":"x"}""", Wrong)).AssertError(403);
    }

    [Test]
    public async Task Health_and_the_document_are_for_everybody()
    {
        await using RunningServer server = await RunningServer.StartAsync(RunningServer.Keys);

        foreach (string path in new[] { "/healthz", "/readyz", "/openapi/v1.json" })
        {
            Assert.That((await server.GetAsync(path)).Status, Is.EqualTo(200), path);
        }
    }

    [Test]
    public async Task A_key_has_as_many_answers_at_once_as_it_may_and_others_have_theirs()
    {
        await using RunningServer server = await RunningServer.StartAsync(
            [.. RunningServer.Keys, ("Http:Keys:0:MaxRequests", "2"), ("Http:MaxRequestsPerKey", "1")]);
        var go = new TaskCompletionSource();
        server.Engine.Script = (request, _) => Waiting(server.Engine, request, go.Task);

        Task<Reply>[] running =
            [.. Enumerable.Range(0, 2).Select(_ => server.PostAsync("/v1/completions", Completion, RunningServer.Key))];
        Assert.That(SpinWait.SpinUntil(() => server.Engine.Requests.Count == 2, TimeSpan.FromMinutes(1)), Is.True);
        Reply refused = await server.PostAsync("/v1/completions", Completion, RunningServer.Key);
        Task<Reply> other = server.PostAsync("/v1/completions", Completion, RunningServer.AdminKey);
        Assert.That(SpinWait.SpinUntil(() => server.Engine.Requests.Count == 3, TimeSpan.FromMinutes(1)), Is.True);
        go.SetResult();

        refused.AssertError(429, "rate_limit_exceeded");
        Assert.That(refused.Headers["Retry-After"], Is.EqualTo("1"));
        Assert.That((await Task.WhenAll(running)).Select(reply => reply.Status), Is.All.EqualTo(200));
        Assert.That((await other).Status, Is.EqualTo(200));
        Assert.That((await server.PostAsync("/v1/completions", Completion, RunningServer.Key)).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_hash_is_that_of_the_keys_bytes()
    {
        Assert.That(
            ApiKeyHash.Of("abcdefghijklmnopqrstuvwxyz"),
            Is.EqualTo("71c480df93d6ae2f1efad1447c66c9525e316218cf51fc8d9ed832f2daf18b73"));
        Assert.That(() => ApiKeyHash.Of("short"), Throws.TypeOf<InterfuseException>());
        Assert.That(() => ApiKeyHash.Of("with a space in it, and long"), Throws.TypeOf<InterfuseException>());
    }

    private static async IAsyncEnumerable<AnswerPiece> Waiting(
        ScriptedEngine engine, EngineRequest request, Task go)
    {
        yield return engine.First(request);
        await go;
        yield return ScriptedEngine.Last(1);
    }
}
