using System.Text.Json;

namespace Interfuse.Server.Tests.Http;

/// <summary>The whole server over the real engine: many clients, too many, and models that go while they are asked.</summary>
public sealed class EndToEndTests
{
    private const int Clients = 64;
    private const int MaxTokens = 16;

    private static readonly (string Prompt, int Expert, int MaxTokens)[] Requests =
    [
        .. TinyPack.Experts.SelectMany((task, expert) => TinyPack.Prompts(task).Take(16).Select(prompt => (prompt, expert, MaxTokens))),
    ];

    private static readonly Lazy<string[]> Expected = new(() => TinyPack.AnswersAlone(Requests));

    [Test]
    public async Task Many_clients_of_all_experts_each_get_the_answer_that_they_would_get_alone()
    {
        await using RunningServer server = await RunningServer.StartEngineAsync(("Models:0:Path", TinyPack.Path));

        Reply[] replies = await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => AskAsync(server, client, stream: false)));
        Reply[] streams = await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => AskAsync(server, client, stream: true)));

        Assert.Multiple(() =>
        {
            for (int client = 0; client < Clients; client++)
            {
                Assert.That(Text(replies[client]), Is.EqualTo(Expected.Value[client]));
                Assert.That(Streamed(streams[client]), Is.EqualTo(Expected.Value[client]));
                Assert.That(replies[client].Headers["X-Interfuse-Expert"], Is.EqualTo(TinyPack.Experts[Requests[client].Expert]));
            }
        });
    }

    [Test]
    public async Task Who_comes_when_the_queue_is_full_is_told_to_come_back_and_nobody_is_forgotten()
    {
        await using RunningServer server = await RunningServer.StartEngineAsync(
            ("Models:0:Path", TinyPack.Path), ("MaxBatch", "1"), ("MaxQueue", "2"));

        Reply[] replies = await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => AskAsync(server, client, stream: false)));

        int refused = 0;
        for (int client = 0; client < Clients; client++)
        {
            if (replies[client].Status == 429)
            {
                replies[client].AssertError(429, "rate_limit_exceeded");
                Assert.That(replies[client].Headers["Retry-After"], Is.EqualTo("1"));
                refused++;
            }
            else
            {
                Assert.That(Text(replies[client]), Is.EqualTo(Expected.Value[client]));
            }
        }

        Assert.That(refused, Is.InRange(1, Clients - 1), "some are refused, and some are answered");
        Assert.That(Text(await AskAsync(server, 0, stream: false)), Is.EqualTo(Expected.Value[0]), "and then it goes on");
    }

    [Test]
    public async Task A_model_that_is_unloaded_while_it_is_asked_answers_whom_it_has_taken()
    {
        await using RunningServer server = await RunningServer.StartEngineAsync(
            [.. RunningServer.Keys, ("Http:ModelRoots:0", Path.GetDirectoryName(TinyPack.Path)!)]);
        string name = Path.GetFileName(TinyPack.Path);
        Reply loaded = await server.PostAsync("/v1/admin/models", $$"""{"path":"{{name}}"}""", RunningServer.AdminKey);
        Assert.That(loaded.Status, Is.EqualTo(201), loaded.Text);

        Task<Reply>[] asking =
            [.. Enumerable.Range(0, Clients).Select(client => AskAsync(server, client, stream: false, RunningServer.Key))];
        await asking[0];
        Reply unloaded = await server.SendAsync(new(HttpMethod.Delete, $"/v1/admin/models/{name}"), RunningServer.AdminKey);
        Reply[] replies = await Task.WhenAll(asking);

        Assert.That(unloaded.Status, Is.EqualTo(200), unloaded.Text);
        Assert.That(replies.Select(reply => reply.Status), Is.All.EqualTo(200).Or.EqualTo(404));
        for (int client = 0; client < Clients; client++)
        {
            if (replies[client].Status == 200)
            {
                Assert.That(Text(replies[client]), Is.EqualTo(Expected.Value[client]));
            }
        }

        (await AskAsync(server, 0, stream: false, RunningServer.Key)).AssertError(404, "model_not_found", "model");
    }

    [Test]
    public async Task A_request_whose_time_is_over_is_told()
    {
        await using RunningServer server = await RunningServer.StartEngineAsync(("Models:0:Path", TinyPack.Path), ("MaxBatch", "1"));
        Task<Reply>[] others = [.. Enumerable.Range(0, 32).Select(client => AskAsync(server, client, stream: false))];

        Reply late = await server.PostAsync(
            "/v1/completions", """{"model":"tiny/add","prompt":"add 1+1=","interfuse":{"deadline_ms":1}}""");

        late.AssertError(504, "deadline_exceeded");
        Assert.That((await Task.WhenAll(others)).Select(reply => reply.Status), Is.All.EqualTo(200));
    }

    private static Task<Reply> AskAsync(RunningServer server, int client, bool stream, string? key = null)
    {
        (string prompt, int expert, int maxTokens) = Requests[client];
        string text = JsonSerializer.Serialize(prompt);
        return server.PostAsync(
            "/v1/completions",
            $$"""
            {"model":"{{TinyPack.Experts[expert]}}","prompt":{{text}},"temperature":0,"max_tokens":{{maxTokens}},
             "stream":{{(stream ? "true" : "false")}}}
            """,
            key);
    }

    private static string? Text(Reply reply)
    {
        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        return reply.Json.GetProperty("choices")[0].GetProperty("text").GetString();
    }

    private static string Streamed(Reply reply)
    {
        Assert.That(reply.Events[^1], Is.EqualTo("[DONE]"));
        return string.Concat(reply.Events[..^1].Select(part =>
            JsonDocument.Parse(part).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()));
    }
}
