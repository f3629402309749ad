using System.Text.Json;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;

namespace Interfuse.Server.Tests.Http;

/// <summary>What the engine is asked for by a request, and how its answer is written.</summary>
public sealed class AnswerTests
{
    private RunningServer _server = null!;

    private EngineRequest Asked => _server.Engine.Requests.Single();

    [SetUp]
    public async Task Start() => _server = await RunningServer.StartAsync();

    [TearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task Models_are_listed_and_told_one_by_one()
    {
        Reply list = await _server.GetAsync("/v1/models");
        Reply one = await _server.GetAsync("/v1/models/tiny%2Fsort");
        Reply plain = await _server.GetAsync("/v1/models/tiny/sort");

        string[] ids = ["tiny/add", "tiny/sort", "tiny/auto", "tiny/shared", "base"];
        Assert.That(list.Json.GetProperty("object").GetString(), Is.EqualTo("list"));
        Assert.That(
            list.Json.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()), Is.EqualTo(ids));
        Assert.That(one.Json.GetProperty("id").GetString(), Is.EqualTo("tiny/sort"));
        Assert.That(one.Json.GetProperty("object").GetString(), Is.EqualTo("model"));
        Assert.That(one.Json.GetProperty("interfuse").GetProperty("kind").GetString(), Is.EqualTo("expert"));
        Assert.That(plain.Text, Is.EqualTo(one.Text));
        Assert.That(list.Text, Does.Not.Contain("secret"));
    }

    [Test]
    public async Task A_completion_has_the_text_the_tokens_used_and_who_answered()
    {
        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"add","prompt":"1+1="}""");

        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        JsonElement json = reply.Json;
        Assert.That(json.GetProperty("object").GetString(), Is.EqualTo("text_completion"));
        Assert.That(json.GetProperty("id").GetString(), Does.StartWith("cmpl-"));
        Assert.That(json.GetProperty("model").GetString(), Is.EqualTo("tiny/add"));
        Assert.That(json.GetProperty("system_fingerprint").GetString(), Is.EqualTo("fp_0123456789ab"));
        JsonElement choice = json.GetProperty("choices")[0];
        Assert.That(choice.GetProperty("text").GetString(), Is.EqualTo("Hello, wörld!"));
        Assert.That(choice.GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
        Assert.That(choice.GetProperty("logprobs").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(
            json.GetProperty("usage").GetRawText(), Is.EqualTo("""{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}"""));
        Assert.That(json.GetProperty("interfuse").GetRawText(), Is.EqualTo("""{"model":"tiny","expert":"add"}"""));
        Assert.That(reply.Headers["X-Interfuse-Expert"], Is.EqualTo("add"));
        Assert.That(reply.Headers["x-request-id"], Does.StartWith("req_"));
        Assert.That(Asked.Model, Is.EqualTo("tiny/add"));
        Assert.That(Asked.Prompt.Text, Is.EqualTo("1+1="));
    }

    [Test]
    public async Task A_chat_answers_with_a_message()
    {
        Reply reply = await _server.PostAsync(
            "/v1/chat/completions",
            """
            {"model":"base","messages":[{"role":"developer","content":"Be brief."},
             {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
             {"role":"assistant","content":"c","tool_calls":[]},{"role":"user","content":"d","name":"x"}],
             "user":"u","metadata":{},"store":false,"service_tier":"auto","n":1,"tools":[],"tool_choice":"none",
             "response_format":{"type":"text"},"logit_bias":{},"frequency_penalty":0,"presence_penalty":0.0,"unknown":[{}]}
            """);

        Assert.That(reply.Status, Is.EqualTo(200), reply.Text);
        Assert.That(reply.Json.GetProperty("object").GetString(), Is.EqualTo("chat.completion"));
        JsonElement choice = reply.Json.GetProperty("choices")[0];
        Assert.That(
            choice.GetProperty("message").GetRawText(),
            Is.EqualTo("""{"role":"assistant","content":"Hello, wörld!","refusal":null}"""));
        Assert.That(reply.Json.GetProperty("interfuse").GetRawText(), Is.EqualTo("""{"model":"base"}"""));
        Assert.That(
            Asked.Prompt.Messages!.Select(message => $"{message.Role}:{message.Content}"),
            Is.EqualTo(new[] { "system:Be brief.", "user:ab", "assistant:c", "user:d" }));
    }

    [Test]
    public async Task What_is_asked_reaches_the_engine()
    {
        await _server.PostAsync(
            "/v1/completions",
            """
            {"model":"tiny/auto","prompt":[3,1,2],"temperature":0.5,"top_p":0.9,"top_k":7,"min_p":0.1,"repetition_penalty":1.2,
             "frequency_penalty":0.25,"presence_penalty":-2,"logit_bias":{"7":-100,"8":0.5},
             "max_tokens":11,"seed":-3,"stop":["a","b"],"logprobs":2,"interfuse":{"policy":"uncertainty","deadline_ms":1500}}
            """);

        Assert.That(Asked.Prompt.Tokens!.Value.ToArray(), Is.EqualTo(new[] { 3, 1, 2 }));
        Assert.That(Asked.Sampling.LogitBias, Is.EqualTo(new Dictionary<int, double> { [7] = -100, [8] = 0.5 }));
        Assert.That(Asked.Sampling with { LogitBias = SamplingOptions.Greedy.LogitBias }, Is.EqualTo(new SamplingOptions
        {
            Temperature = 0.5,
            TopP = 0.9,
            TopK = 7,
            MinP = 0.1,
            RepetitionPenalty = 1.2,
            FrequencyPenalty = 0.25,
            PresencePenalty = -2,
            Seed = unchecked((ulong)-3L),
        }));
        Assert.That(Asked.MaxTokens, Is.EqualTo(11));
        Assert.That(Asked.StopStrings, Is.EqualTo(new[] { "a", "b" }));
        Assert.That(Asked.TopLogProbs, Is.EqualTo(2));
        Assert.That(Asked.Policy, Is.EqualTo(RoutePolicy.Uncertainty));
        Assert.That(Asked.Deadline, Is.EqualTo(TimeSpan.FromMilliseconds(1500)));
    }

    [Test]
    public async Task What_is_not_asked_is_as_clients_of_OpenAI_expect()
    {
        await _server.PostAsync("/v1/completions", """{"model":"base","prompt":["x"],"stop":"end","max_tokens":null}""");

        Assert.That(Asked.Prompt.Text, Is.EqualTo("x"));
        Assert.That(Asked.Sampling.Temperature, Is.EqualTo(1));
        Assert.That(Asked.Sampling.TopP, Is.EqualTo(1));
        Assert.That(Asked.MaxTokens, Is.Null);
        Assert.That(Asked.StopStrings, Is.EqualTo(new[] { "end" }));
        Assert.That(Asked.TopLogProbs, Is.Null);
        Assert.That(Asked.Policy, Is.Null);
        Assert.That(Asked.Deadline, Is.Null);
    }

    [Test]
    public async Task Without_a_seed_every_request_draws_anew()
    {
        await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x"}""");
        await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x"}""");

        Assert.That(_server.Engine.Requests[0].Sampling.Seed, Is.Not.EqualTo(_server.Engine.Requests[1].Sampling.Seed));
    }

    [TestCase("tiny/auto", """{"policy":"classifier"}""", """{"model":"tiny","expert":"sort","policy":"classifier","outcome":"expert","confidence":0.75,"uncertainty":0.5}""", "tiny/sort")]
    [TestCase("auto", """{"policy":"mixture"}""", """{"model":"tiny","mixture":"add=0.25,sort=0.75","policy":"mixture","outcome":"mixture","confidence":0.75,"uncertainty":0.5}""", "tiny/add=0.25,sort=0.75")]
    [TestCase("tiny/shared", "{}", """{"model":"tiny","shared":true}""", "tiny/shared")]
    [TestCase("tiny/add", """{"mixture":"add=0.5,sort=0.5"}""", """{"model":"tiny","mixture":"add=0.5,sort=0.5"}""", "tiny/add=0.5,sort=0.5")]
    public async Task The_answer_says_who_gave_it_and_how_sure_the_router_was(
        string model, string fields, string expected, string name)
    {
        Reply reply = await _server.PostAsync(
            "/v1/completions", $$"""{"model":"{{model}}","prompt":"x","interfuse":{{fields}}}""");

        Assert.That(reply.Json.GetProperty("interfuse").GetRawText(), Is.EqualTo(expected));
        Assert.That(reply.Json.GetProperty("model").GetString(), Is.EqualTo(name));
    }

    [TestCase(FinishReason.EndOfText, "stop")]
    [TestCase(FinishReason.StopString, "stop")]
    [TestCase(FinishReason.MaxTokens, "length")]
    [TestCase(FinishReason.ContextFull, "length")]
    public async Task The_reason_of_the_end_is_in_OpenAIs_words(FinishReason reason, string expected)
    {
        _server.Engine.Script = (request, _) => new[]
        {
            _server.Engine.First(request, "x"), ScriptedEngine.Last(1, reason),
        }.ToAsyncEnumerable();

        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x"}""");

        Assert.That(reply.Json.GetProperty("choices")[0].GetProperty("finish_reason").GetString(), Is.EqualTo(expected));
    }

    [Test]
    public async Task Probabilities_of_a_chat_stand_token_by_token()
    {
        Reply reply = await _server.PostAsync(
            "/v1/chat/completions",
            """{"model":"base","messages":[{"role":"user","content":"x"}],"logprobs":true,"top_logprobs":2}""");

        JsonElement content = reply.Json.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content");
        Assert.That(content.GetArrayLength(), Is.EqualTo(4));
        Assert.That(
            content[2].GetRawText(),
            Is.EqualTo("""{"token":"wörld","logprob":-0.5,"bytes":[119,195,182,114,108,100],"top_logprobs":["""
                + """{"token":"wörld","logprob":-0.5,"bytes":[119,195,182,114,108,100]},"""
                + """{"token":"�","logprob":-9999,"bytes":[195]}]}"""));
    }

    [Test]
    public async Task Probabilities_of_a_completion_stand_in_lists()
    {
        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x","logprobs":1}""");

        Assert.That(
            reply.Json.GetProperty("choices")[0].GetProperty("logprobs").GetRawText(),
            Is.EqualTo(
                """
                {"tokens":["Hello",", ","wörld","!"],"token_logprobs":[-0.5,-0.5,-0.5,-0.5],
                "top_logprobs":[{"Hello":-0.5},{", ":-0.5},{"wörld":-0.5},{"!":-0.5}],"text_offset":[0,5,7,12]}
                """.ReplaceLineEndings("")));
    }

    [TestCase(EngineFault.UnknownModel, 404, "model_not_found", "model")]
    [TestCase(EngineFault.BadRequest, 400, null, null)]
    [TestCase(EngineFault.Busy, 429, "rate_limit_exceeded", null)]
    [TestCase(EngineFault.Deadline, 504, "deadline_exceeded", null)]
    [TestCase(EngineFault.Unavailable, 503, "unavailable", null)]
    [TestCase(EngineFault.Failed, 500, "model_failed", null)]
    public async Task What_the_engine_refuses_has_its_status(EngineFault fault, int status, string? code, string? parameter)
    {
        _server.Engine.Script = (_, _) => throw new EngineException(fault, "Told.", retryAfter: TimeSpan.FromSeconds(2.5));

        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x","stream":true}""");

        reply.AssertError(status, code, parameter);
        Assert.That(reply.Error.GetProperty("message").GetString(), Is.EqualTo("Told."));
        Assert.That(reply.Headers.GetValueOrDefault("Retry-After"), Is.EqualTo(status is 429 or 503 ? "3" : null));
        Assert.That(reply.Headers.GetValueOrDefault("x-should-retry"), Is.EqualTo(status == 504 ? "false" : null));
    }

    [Test]
    public async Task A_failure_that_nobody_thought_of_tells_only_where_to_look()
    {
        _server.Engine.Script = (_, _) => throw new InvalidOperationException("/secret/path of the prompt");

        Reply reply = await _server.PostAsync("/v1/completions", """{"model":"base","prompt":"x"}""");

        reply.AssertError(500, "internal_error");
        Assert.That(reply.Error.GetProperty("message").GetString(), Does.Contain(reply.Headers["x-request-id"]));
    }
}
