using System.Net;
using System.Net.Http.Headers;

namespace Interfuse.Server.Tests.Http;

/// <summary>What is wrong with a request is told by the right status, in OpenAI's shape, and nothing is let out.</summary>
public sealed class BadRequestTests
{
    private const string Secret = "prompt-of-a-client";

    private RunningServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await RunningServer.StartAsync(("Http:MaxBodyBytes", "20000"));

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    // The rest of a body that names a model, and the parameter that is at fault.
    private static IEnumerable<TestCaseData> UnsoundCompletions() => Cases(
        ("""{"prompt":"x"}""", "model"),
        ("""{"model":"","prompt":"x"}""", "model"),
        ("""{"model":5,"prompt":"x"}""", "model"),
        ("""{"model":null,"prompt":"x"}""", "model"),
        ("""{"model":"base"}""", "prompt"),
        ("""{"model":"base","prompt":null}""", "prompt"),
        ("""{"model":"base","prompt":{}}""", "prompt"),
        ("""{"model":"base","prompt":7}""", "prompt"),
        ("""{"model":"base","prompt":[]}""", "prompt"),
        ("""{"model":"base","prompt":["a","b"]}""", "prompt"),
        ("""{"model":"base","prompt":["a",1]}""", "prompt"),
        ("""{"model":"base","prompt":[1,"a"]}""", "prompt"),
        ("""{"model":"base","prompt":[1,-2]}""", "prompt"),
        ("""{"model":"base","prompt":[1.5]}""", "prompt"),
        ("""{"model":"base","prompt":[99999999999]}""", "prompt"),
        ("""{"model":"base","prompt":[[1,2]]}""", "prompt"),
        ("""{"model":"base","prompt":"\ud800"}""", "prompt"),
        ("""{"model":"base","prompt":"x","temperature":"hot"}""", "temperature"),
        ("""{"model":"base","prompt":"x","temperature":-0.1}""", "temperature"),
        ("""{"model":"base","prompt":"x","temperature":2.1}""", "temperature"),
        ("""{"model":"base","prompt":"x","temperature":1e999}""", "temperature"),
        ("""{"model":"base","prompt":"x","top_p":0}""", "top_p"),
        ("""{"model":"base","prompt":"x","top_p":1.5}""", "top_p"),
        ("""{"model":"base","prompt":"x","top_k":-1}""", "top_k"),
        ("""{"model":"base","prompt":"x","min_p":2}""", "min_p"),
        ("""{"model":"base","prompt":"x","repetition_penalty":0}""", "repetition_penalty"),
        ("""{"model":"base","prompt":"x","max_tokens":0}""", "max_tokens"),
        ("""{"model":"base","prompt":"x","max_tokens":-3}""", "max_tokens"),
        ("""{"model":"base","prompt":"x","max_tokens":1.5}""", "max_tokens"),
        ("""{"model":"base","prompt":"x","max_tokens":99999999999999999999}""", "max_tokens"),
        ("""{"model":"base","prompt":"x","max_tokens":"5"}""", "max_tokens"),
        ("""{"model":"base","prompt":"x","seed":1e30}""", "seed"),
        ("""{"model":"base","prompt":"x","n":2}""", "n"),
        ("""{"model":"base","prompt":"x","best_of":3}""", "best_of"),
        ("""{"model":"base","prompt":"x","echo":true}""", "echo"),
        ("""{"model":"base","prompt":"x","suffix":"y"}""", "suffix"),
        ("""{"model":"base","prompt":"x","logprobs":21}""", "logprobs"),
        ("""{"model":"base","prompt":"x","logprobs":true}""", "logprobs"),
        ("""{"model":"base","prompt":"x","stop":[""]}""", "stop"),
        ("""{"model":"base","prompt":"x","stop":[1]}""", "stop"),
        ("""{"model":"base","prompt":"x","stop":{}}""", "stop"),
        ("""{"model":"base","prompt":"x","stop":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]}""", "stop"),
        ("""{"model":"base","prompt":"x","stream":"yes"}""", "stream"),
        ("""{"model":"base","prompt":"x","stream_options":{"include_usage":1}}""", "stream_options.include_usage"),
        ("""{"model":"base","prompt":"x","frequency_penalty":2.5}""", "frequency_penalty"),
        ("""{"model":"base","prompt":"x","presence_penalty":-3}""", "presence_penalty"),
        ("""{"model":"base","prompt":"x","logit_bias":[5]}""", "logit_bias"),
        ("""{"model":"base","prompt":"x","logit_bias":{"five":1}}""", "logit_bias"),
        ("""{"model":"base","prompt":"x","logit_bias":{"-5":1}}""", "logit_bias"),
        ("""{"model":"base","prompt":"x","logit_bias":{"5":101}}""", "logit_bias"),
        ("""{"model":"base","prompt":"x","logit_bias":{"5":1,"05":1}}""", "logit_bias"),
        ("""{"model":"base","prompt":"x","interfuse":[]}""", "interfuse"),
        ("""{"model":"base","prompt":"x","interfuse":{"mixture":"add=1"}}""", "interfuse.mixture"),
        ("""{"model":"tiny/add","prompt":"x","interfuse":{"policy":"mixture"}}""", "interfuse.policy"),
        ("""{"model":"auto","prompt":"x","interfuse":{"policy":"best"}}""", "interfuse.policy"),
        ("""{"model":"auto","prompt":"x","interfuse":{"policy":"mixture","mixture":"add=1"}}""", "interfuse.mixture"),
        ("""{"model":"base","prompt":"x","interfuse":{"deadline_ms":0}}""", "interfuse.deadline_ms"),
        ("""{"model":"base","prompt":"x","interfuse":{"deadline_ms":1e99}}""", "interfuse.deadline_ms"));

    private static IEnumerable<TestCaseData> UnsoundChats() => Cases(
        ("""{"model":"base"}""", "messages"),
        ("""{"model":"base","messages":[]}""", "messages"),
        ("""{"model":"base","messages":"hi"}""", "messages"),
        ("""{"model":"base","messages":[null]}""", "messages[0]"),
        ("""{"model":"base","messages":["hi"]}""", "messages[0]"),
        ("""{"model":"base","messages":[{"content":"hi"}]}""", "messages[0].role"),
        ("""{"model":"base","messages":[{"role":"tool","content":"hi"}]}""", "messages[0].role"),
        ("""{"model":"base","messages":[{"role":"user"}]}""", "messages[0].content"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"},{"role":"user","content":7}]}""", "messages[1].content"),
        ("""{"model":"base","messages":[{"role":"user","content":[{"type":"image_url"}]}]}""", "messages[0].content"),
        ("""{"model":"base","messages":[{"role":"user","content":["a"]}]}""", "messages[0].content"),
        ("""{"model":"base","messages":[{"role":"assistant","content":"","tool_calls":[{}]}]}""", "messages[0].tool_calls"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"tools":[{}]}""", "tools"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"tool_choice":"required"}""", "tool_choice"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_object"}}""", "response_format"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"modalities":["audio"]}""", "modalities"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"top_logprobs":3}""", "top_logprobs"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"logprobs":3}""", "logprobs"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"logprobs":true,"top_logprobs":21}""", "top_logprobs"),
        ("""{"model":"base","messages":[{"role":"user","content":"a"}],"max_completion_tokens":0}""", "max_completion_tokens"));

    [TestCaseSource(nameof(UnsoundCompletions))]
    public async Task A_completion_that_is_unsound_names_the_parameter(string body, string parameter)
    {
        (await _server.PostAsync("/v1/completions", body)).AssertError(400, parameter: parameter);
        Assert.That(_server.Engine.Requests, Is.Empty, "the engine was asked");
    }

    [TestCaseSource(nameof(UnsoundChats))]
    public async Task A_chat_that_is_unsound_names_the_parameter(string body, string parameter)
    {
        (await _server.PostAsync("/v1/chat/completions", body)).AssertError(400, parameter: parameter);
        Assert.That(_server.Engine.Requests, Is.Empty, "the engine was asked");
    }

    [TestCase("")]
    [TestCase("{")]
    [TestCase("nonsense " + Secret)]
    [TestCase("{\"model\":\"base\",\"prompt\":\"" + Secret + "\"")]
    [TestCase("{\"model\":\"base\",\"prompt\":\"" + Secret + "\"}}")]
    [TestCase("{\"" + Secret + "\":}")]
    [TestCase("{\"model\":\"base\",\"prompt\":\"" + Secret + "\",}")]
    [TestCase("[]")]
    [TestCase("null")]
    [TestCase("\"" + Secret + "\"")]
    [TestCase("{\"model\":\"base\",\"model\":\"tiny/add\",\"prompt\":\"" + Secret + "\"}")]
    [TestCase("{\"model\":\"base\",\"prompt\":\"x\",\"" + Secret + "\":1,\"" + Secret + "\":2}")]
    public async Task A_body_that_is_no_sound_JSON_is_refused_without_being_quoted(string body)
    {
        Reply reply = await _server.PostAsync("/v1/completions", body);

        reply.AssertError(400);
        Assert.That(reply.Text, Does.Not.Contain(Secret));
    }

    [Test]
    public async Task A_body_nested_too_deeply_is_refused()
    {
        string deep = new string('[', 5000) + new string(']', 5000);

        (await _server.PostAsync("/v1/completions", $$"""{"model":"base","prompt":"x","other":{{deep}}}""")).AssertError(400);
    }

    [Test]
    public async Task A_body_that_is_no_UTF8_is_refused()
    {
        byte[] body = [.. "{\"model\":\"base\",\"prompt\":\""u8, 0xff, 0xfe, .. "\"}"u8];

        (await SendAsync(body, "application/json")).AssertError(400);
    }

    [TestCase("text/plain")]
    [TestCase("application/x-www-form-urlencoded")]
    [TestCase(null)]
    public async Task A_body_of_another_type_is_refused_since_pages_of_other_sites_can_send_it(string? type)
    {
        (await SendAsync("""{"model":"base","prompt":"x"}"""u8.ToArray(), type)).AssertError(415, "unsupported_media_type");
    }

    [Test]
    public async Task A_body_that_is_too_large_is_refused()
    {
        Reply reply = await _server.PostAsync("/v1/completions", $$"""{"model":"base","prompt":"{{new string('x', 30000)}}"}""");

        reply.AssertError(413, "body_too_large");
    }

    [Test]
    public async Task A_body_of_unknown_length_that_becomes_too_large_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StreamContent(new EndlessStream(50_000)),
        };
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");

        (await _server.SendAsync(request)).AssertError(413, "body_too_large");
    }

    [TestCase("unknown")]
    [TestCase("tiny/unknown")]
    [TestCase("tiny")]
    [TestCase("../base")]
    [TestCase("base\\u0000")]
    public async Task An_unknown_model_is_not_found_and_nobody_else_answers(string model)
    {
        Reply reply = await _server.PostAsync("/v1/completions", $$"""{"model":"{{model}}","prompt":"{{Secret}}"}""");

        reply.AssertError(404, "model_not_found", "model");
        Assert.That(reply.Text, Does.Not.Contain(Secret));
        Assert.That(_server.Engine.Requests, Is.Empty);
    }

    [Test]
    public async Task Names_without_end_are_not_repeated()
    {
        string name = new('n', 5000);
        Reply model = await _server.PostAsync("/v1/completions", $$"""{"model":"{{name}}","prompt":"x"}""");
        Reply mixture = await _server.PostAsync(
            "/v1/completions", $$"""{"model":"tiny/add","prompt":"x","interfuse":{"mixture":"{{name}}"} }""");

        model.AssertError(404, "model_not_found", "model");
        mixture.AssertError(400, parameter: "interfuse.mixture");
        Assert.That(model.Text.Length + mixture.Text.Length, Is.LessThan(1000));
    }

    [TestCase("GET", "/", 404)]
    [TestCase("GET", "/v1", 404)]
    [TestCase("POST", "/v1/embeddings", 404)]
    [TestCase("GET", "/v1/../../etc/passwd", 404)]
    [TestCase("GET", "/v1/%2e%2e/%2e%2e/etc/passwd", 404)]
    [TestCase("GET", "/v1/models/none", 404)]
    [TestCase("GET", "/v1/completions", 405)]
    [TestCase("DELETE", "/v1/chat/completions", 405)]
    [TestCase("PUT", "/v1/models", 405)]
    public async Task What_is_not_there_is_told_in_the_same_shape(string method, string path, int status)
    {
        Reply reply = await _server.SendAsync(new(new HttpMethod(method), path));

        reply.AssertError(status, parameter: path == "/v1/models/none" ? "model" : null);
    }

    [Test]
    public async Task A_page_that_calls_this_machine_by_a_name_of_its_own_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.Host = "attacker.example";

        (await _server.SendAsync(request)).AssertError(400);
    }

    [Test]
    public async Task Nobody_is_told_by_CORS_that_other_sites_may_ask()
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/models");
        request.Headers.Add("Origin", "https://attacker.example");
        request.Headers.Add("Access-Control-Request-Method", "GET");

        Reply reply = await _server.SendAsync(request);

        Assert.That(reply.Code, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
        Assert.That(reply.Headers.Keys, Has.None.StartsWith("Access-Control"));
    }

    private Task<Reply> SendAsync(byte[] body, string? type)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = type is null ? null : new MediaTypeHeaderValue(type);
        return _server.SendAsync(new(HttpMethod.Post, "/v1/completions") { Content = content });
    }

    private static IEnumerable<TestCaseData> Cases(params (string Body, string Parameter)[] cases) => cases.Select(
        (each, i) => new TestCaseData(each.Body, each.Parameter).SetArgDisplayNames($"{i} {each.Parameter}"));

    // So many blanks, told beforehand to nobody.
    private sealed class EndlessStream(int length) : Stream
    {
        private int _left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = Math.Min(count, _left);
            buffer.AsSpan(offset, read).Fill((byte)' ');
            _left -= read;
            return read;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
