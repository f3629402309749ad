using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Tests.Http;

/// <summary>Answers that come piece by piece, as server-sent events.</summary>
public sealed class StreamTests
{
    private static readonly TimeSpan HangGuard = TimeSpan.FromMinutes(1);

    private RunningServer _server = null!;

    [SetUp]
    public async Task Start() => _server = await RunningServer.StartAsync();

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task A_chat_streams_role_text_reason_and_usage()
    {
        Reply reply = await _server.PostAsync(
            "/v1/chat/completions",
            """
            {"model":"auto","messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true}}
            """);

        Assert.That(reply.Status, Is.EqualTo(200));
        Assert.That(reply.Headers["Content-Type"], Is.EqualTo("text/event-stream; charset=utf-8"));
        Assert.That(reply.Headers["Cache-Control"], Is.EqualTo("no-cache"));
        Assert.That(reply.Headers["X-Interfuse-Expert"], Is.EqualTo("sort"));
        Assert.That(reply.Events[^1], Is.EqualTo("[DONE]"));
        JsonElement[] chunks = Chunks(reply);
        Assert.That(chunks.Select(chunk => chunk.GetProperty("object").GetString()), Is.All.EqualTo("chat.completion.chunk"));
        Assert.That(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct().Count(), Is.EqualTo(1));
        Assert.That(chunks.Select(chunk => chunk.GetProperty("model").GetString()), Is.All.EqualTo("tiny/sort"));
        JsonElement[] choices = [.. chunks[..^1].Select(chunk => chunk.GetProperty("choices")[0])];
        Assert.That(choices[0].GetProperty("delta").GetRawText(), Is.EqualTo("""{"role":"assistant","content":""}"""));
        Assert.That(
            string.Concat(choices[1..^1].Select(choice => choice.GetProperty("delta").GetProperty("content").GetString())),
            Is.EqualTo("Hello, wörld!"));
        Assert.That(choices[^1].GetProperty("delta").GetRawText(), Is.EqualTo("{}"));
        Assert.That(choices[..^1].Select(choice => choice.GetProperty("finish_reason").ValueKind), Is.All.EqualTo(JsonValueKind.Null));
        Assert.That(choices[^1].GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
        Assert.That(chunks[0].GetProperty("interfuse").GetProperty("confidence").GetDouble(), Is.EqualTo(0.75));
        Assert.That(chunks[1..].Any(chunk => chunk.TryGetProperty("interfuse", out _)), Is.False);
        Assert.That(chunks[^1].GetProperty("choices").GetArrayLength(), Is.Zero);
        Assert.That(chunks[^1].GetProperty("usage").GetProperty("total_tokens").GetInt32(), Is.EqualTo(9));
    }

    [Test]
    public async Task A_completion_streams_text_and_probabilities()
    {
        Reply reply = await _server.PostAsync(
            "/v1/completions", """{"model":"base","prompt":"x","stream":true,"logprobs":0}""");

        JsonElement[] chunks = Chunks(reply);
        JsonElement[] choices = [.. chunks.Select(chunk => chunk.GetProperty("choices")[0])];
        Assert.That(chunks.Select(chunk => chunk.GetProperty("object").GetString()), Is.All.EqualTo("text_completion"));
        Assert.That(string.Concat(choices.Select(choice => choice.GetProperty("text").GetString())), Is.EqualTo("Hello, wörld!"));
        Assert.That(
            choices[1..^1].Select(choice => choice.GetProperty("logprobs").GetProperty("text_offset")[0].GetInt32()),
            Is.EqualTo(new[] { 0, 5, 7, 12 }));
        Assert.That(chunks.Any(chunk => chunk.TryGetProperty("usage", out _)), Is.False, "nobody asked for it");
        Assert.That(reply.Events[^1], Is.EqualTo("[DONE]"));
    }

    [Test]
    public async Task Pieces_are_sent_as_they_come()
    {
        var second = new TaskCompletionSource();
        _server.Engine.Script = (request, _) => Halting(request, second.Task);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent("""{"model":"base","prompt":"x","stream":true}""", Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage response = await _server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        string first = await ReadUntilAsync(reader, "one");
        second.SetResult();
        string rest = await reader.ReadToEndAsync().WaitAsync(HangGuard);

        Assert.That(first, Does.Not.Contain("two"));
        Assert.That(rest, Does.Contain("two").And.EndsWith("data: [DONE]\n\n"));
    }

    [Test]
    public async Task An_error_in_the_middle_ends_the_stream_with_an_error()
    {
        _server.Engine.Script = (request, _) => Failing(
            request, new EngineException(EngineFault.Unavailable, "The server is about to end."));

        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x","stream":true}""");

        Assert.That(reply.Status, Is.EqualTo(200));
        Assert.That(reply.Events, Has.None.EqualTo("[DONE]"));
        JsonElement error = JsonDocument.Parse(reply.Events[^1]).RootElement.GetProperty("error");
        Assert.That(error.GetProperty("message").GetString(), Is.EqualTo("The server is about to end."));
        Assert.That(error.GetProperty("code").GetString(), Is.EqualTo("unavailable"));
    }

    [Test]
    public async Task A_failure_in_the_middle_tells_nothing_of_itself()
    {
        _server.Engine.Script = (request, _) => Failing(request, new InvalidOperationException("/secret/model"));

        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x","stream":true}""");

        Assert.That(reply.Events[^1], Does.Contain("internal_error"));
        Assert.That(reply.Text, Does.Not.Contain("secret").And.Not.Contain("Exception"));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_client_that_leaves_takes_its_request_back(bool isStreamed)
    {
        _server.Engine.Script = (request, cancellation) => Endless(request, isStreamed ? 1 : 1000, cancellation);
        using var leave = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent(
                $$"""{"model":"base","prompt":"x","stream":{{(isStreamed ? "true" : "false")}}}""", Encoding.UTF8, "application/json"),
        };
        Task<HttpResponseMessage> sending = _server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave.Token);
        Assert.That(SpinWait.SpinUntil(() => _server.Engine.Requests.Count == 1, HangGuard), Is.True);
        if (isStreamed)
        {
            using HttpResponseMessage response = await sending;
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(CancellationToken.None));
            await ReadUntilAsync(reader, "again");
        }
        else
        {
            await leave.CancelAsync();
            Assert.That(async () => await sending, Throws.InstanceOf<OperationCanceledException>());
        }

        Assert.That(SpinWait.SpinUntil(() => _server.Engine.Left == 1, HangGuard), Is.True, "the engine goes on for nobody");
    }

    [Test]
    public async Task A_client_that_does_not_read_is_waited_for_and_then_left()
    {
        // Fills every buffer between here and there, which nobody empties.
        _server.Engine.Script = (request, cancellation) => Endless(request, 0, cancellation);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _server.Client.BaseAddress!.Port));
        const string Body = """{"model":"base","prompt":"x","stream":true}""";
        await socket.SendAsync(Encoding.ASCII.GetBytes(
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {Body.Length}\r\n\r\n{Body}"));
        Assert.That(SpinWait.SpinUntil(() => _server.Engine.Requests.Count == 1, HangGuard), Is.True);

        Reply other = await _server.GetAsync("/v1/models");
        socket.Close();

        Assert.That(other.Status, Is.EqualTo(200));
        Assert.That(SpinWait.SpinUntil(() => _server.Engine.Left == 1, HangGuard), Is.True);
    }

    private static JsonElement[] Chunks(Reply reply) =>
        [.. reply.Events[..^1].Select(part => JsonDocument.Parse(part).RootElement)];

    private static async Task<string> ReadUntilAsync(StreamReader reader, string word)
    {
        var text = new StringBuilder();
        char[] letter = new char[1];
        while (!text.ToString().Contains(word, StringComparison.Ordinal))
        {
            Assert.That(await reader.ReadAsync(letter).AsTask().WaitAsync(HangGuard), Is.EqualTo(1), "the stream ended");
            text.Append(letter[0]);
        }

        return text.ToString();
    }

    private async IAsyncEnumerable<AnswerPiece> Halting(EngineRequest request, Task second)
    {
        yield return _server.Engine.First(request, "one");
        await second;
        yield return new AnswerPiece { Text = "two" };
        yield return ScriptedEngine.Last(2);
    }

    private async IAsyncEnumerable<AnswerPiece> Failing(EngineRequest request, Exception fault)
    {
        yield return _server.Engine.First(request, "one");
        await Task.Yield();
        throw fault;
    }

    private async IAsyncEnumerable<AnswerPiece> Endless(
        EngineRequest request, int milliseconds, [EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return _server.Engine.First(request);
        while (true)
        {
            await Task.Delay(milliseconds, cancellation);
            yield return new AnswerPiece { Text = "again " };
        }
    }
}
