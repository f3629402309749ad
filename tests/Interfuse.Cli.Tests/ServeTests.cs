using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary><c>interfuse serve</c> as a process: how it starts, and how it ends.</summary>
[Platform("Linux", Reason = "sends signals by Linux's numbers")]
public sealed class ServeTests
{
    private TempFolder _folder = null!;

    [OneTimeSetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task It_says_where_it_listens_answers_and_ends_by_a_signal()
    {
        using ServingProcess server = await ServingProcess.StartAsync([], TinyExperts.PathOf("add"), "--threads", "1");
        await server.WaitUntilReadyAsync();

        string answer = await AskAsync(server, """{"model":"add","prompt":"add 58+67=","temperature":0}""");
        server.Signal(RunningCommand.Terminate);
        (int exitCode, string error) = await server.WaitAsync();

        Assert.That(JsonDocument.Parse(answer).RootElement.GetProperty("choices")[0].GetProperty("text").GetString(), Is.EqualTo("125"));
        Assert.That(exitCode, Is.EqualTo(ExitCode.Ok), error);
        Assert.That(error, Does.Not.Contain("error").And.Not.Contain("58+67"));
    }

    [TestCase(RunningCommand.Terminate)]
    [TestCase(RunningCommand.Interrupt)]
    public async Task Answers_that_run_are_finished_or_told_when_a_signal_comes(int signal)
    {
        // Answers that end in a while, and some that never do.
        string endless = Endless($"endless{signal}");
        using ServingProcess server = await ServingProcess.StartAsync(
            [], endless, TinyExperts.PathOf("add"), "--set", "DrainTime=00:00:02", "--set", "MaxAnswerTokens=100000");
        await server.WaitUntilReadyAsync();
        StreamReader[] streams = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => server.StreamAsync(i % 2 == 0
            ? $$"""{"model":"endless{{signal}}","prompt":"x","temperature":0,"stream":true,"max_tokens":100000}"""
            : """{"model":"add","prompt":"add 58+67=","temperature":0,"stream":true}""")));

        server.Signal(signal);
        long begin = Stopwatch.GetTimestamp();
        string[] texts = await Task.WhenAll(streams.Select(stream => stream.ReadToEndAsync()));
        (int exitCode, string error) = await server.WaitAsync();

        Assert.Multiple(() =>
        {
            Assert.That(exitCode, Is.EqualTo(ExitCode.Ok), error);
            Assert.That(Stopwatch.GetElapsedTime(begin), Is.LessThan(TimeSpan.FromSeconds(30)), "a guard against hanging");
            for (int i = 0; i < texts.Length; i++)
            {
                Assert.That(
                    texts[i], i % 2 == 0 ? Does.Contain("\"code\":\"unavailable\"") : Does.EndWith("data: [DONE]\n\n"), $"answer {i}");
            }

            Assert.That(async () => await server.Client.GetAsync("/healthz"), Throws.TypeOf<HttpRequestException>());
        });
    }

    [Test]
    public async Task A_request_that_comes_while_it_ends_is_refused()
    {
        string endless = Endless("draining");
        using ServingProcess server = await ServingProcess.StartAsync(
            [], endless, "--set", "DrainTime=00:00:03", "--set", "MaxAnswerTokens=100000");
        await server.WaitUntilReadyAsync();
        StreamReader stream = await server.StreamAsync(
            """{"model":"draining","prompt":"x","temperature":0,"stream":true,"max_tokens":100000}""");

        server.Signal(RunningCommand.Terminate);
        HttpStatusCode? status = null;
        try
        {
            while (status is null or HttpStatusCode.OK)
            {
                status = (await server.Client.GetAsync("/readyz")).StatusCode;
            }
        }
        catch (HttpRequestException)
        {
            // No new connection is taken; one that was open is told that it is not ready.
        }

        await stream.ReadToEndAsync();
        Assert.That(status, Is.Null.Or.EqualTo(HttpStatusCode.OK).Or.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That((await server.WaitAsync()).ExitCode, Is.EqualTo(ExitCode.Ok));
    }

    [Test]
    public async Task Systemd_is_told_when_it_is_ready_and_when_it_ends()
    {
        string path = _folder["notify"];
        using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        using ServingProcess server = await ServingProcess.StartAsync([("NOTIFY_SOCKET", path)], TinyExperts.PathOf("add"));

        string ready = await ReceiveAsync(socket);
        HttpResponseMessage asked = await server.Client.GetAsync("/readyz");
        server.Signal(RunningCommand.Terminate);
        string stopping = await ReceiveAsync(socket);

        Assert.That(ready, Is.EqualTo("READY=1"));
        Assert.That(asked.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(stopping, Is.EqualTo("STOPPING=1"));
        Assert.That((await server.WaitAsync()).ExitCode, Is.EqualTo(ExitCode.Ok));
    }

    [Test]
    public void A_port_that_is_taken_ends_it()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        string port = $"{((IPEndPoint)other.LocalEndpoint).Port}";

        AssertNotStarted(ExitCode.InputOutput, [TinyExperts.PathOf("add"), "--port", port], $"127.0.0.1:{port}", "in use");
    }

    [Test]
    public void A_model_that_is_damaged_ends_it()
    {
        string model = TinyExperts.Copy("add", _folder["damaged"]);
        using (FileStream weights = File.OpenWrite(Path.Combine(model, "model.safetensors")))
        {
            weights.SetLength(weights.Length / 2);
        }

        AssertNotStarted(ExitCode.BadInput, [model, "--port", "0"], model);
    }

    [Test]
    public void A_pack_that_is_damaged_ends_it()
    {
        string pack = TinyExperts.Pack(_folder);
        File.WriteAllText(Path.Combine(pack, "pack.json"), "{");

        AssertNotStarted(ExitCode.BadInput, [pack, "--port", "0"], pack);
    }

    [Test]
    public void A_model_that_is_not_there_ends_it() =>
        AssertNotStarted(ExitCode.BadInput, [_folder["absent"], "--port", "0"], _folder["absent"]);

    [TestCase("Interfuse:MaxBatch", "--set", "MaxBatch=0")]
    [TestCase("did you mean 'MaxBatch'?", "--set", "MaxBacth=1")]
    [TestCase("--insecure", "--host", "0.0.0.0")]
    [TestCase("Interfuse:Http:Keys:0:Sha256", "--api-key-hash", "no hash")]
    [TestCase("there is no such configuration file", "--config", "/absent.json")]
    public void A_configuration_that_is_unsound_ends_it(string expected, params string[] options) =>
        AssertNotStarted(ExitCode.BadInput, [TinyExperts.PathOf("add"), "--port", "0", .. options], expected);

    [Test]
    public void Nothing_to_serve_ends_it() => AssertNotStarted(ExitCode.BadInput, [], "nothing to serve");

    [TestCase("--port: 'web'", "--port", "web")]
    [TestCase("--set: 'MaxBatch'", "--set", "MaxBatch")]
    [TestCase("unknown option '--prot'", "--prot", "1")]
    public void A_command_line_that_is_unsound_is_refused(string expected, params string[] options) =>
        Mistakes.AssertMistake(CommandLine.Run(["serve", TinyExperts.PathOf("add"), .. options]), ExitCode.Usage, expected);

    [Test]
    public async Task A_key_whose_hash_is_given_opens_it()
    {
        const string Key = "0123456789abcdef0123456789abcdef";
        Outcome hash = CommandLine.RunWithInput(Key + "\n", "hash-key");
        Assert.That(hash.ExitCode, Is.EqualTo(ExitCode.Ok), hash.Error);
        using ServingProcess server = await ServingProcess.StartAsync(
            [], TinyExperts.PathOf("add"), "--host", "127.0.0.1", "--api-key-hash", hash.Output.Trim());

        HttpStatusCode without = (await server.Client.GetAsync("/v1/models")).StatusCode;
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", Key);
        HttpStatusCode with = (await server.Client.GetAsync("/v1/models")).StatusCode;

        Assert.That(without, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(with, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public void A_key_that_can_be_guessed_gets_no_hash() =>
        Mistakes.AssertMistake(CommandLine.RunWithInput("secret\n", "hash-key"), ExitCode.BadInput, "6 characters");

    private static async Task<string> AskAsync(ServingProcess server, string json)
    {
        using var body = new StringContent(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await server.Client.PostAsync("/v1/completions", body);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[256];
        using var guard = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, guard.Token));
    }

    // One clear line last, after what the log says of the way there.
    private static void AssertNotStarted(int exitCode, string[] arguments, params string[] fragments)
    {
        Outcome outcome = CommandLine.Run(["serve", .. arguments]);

        Assert.Multiple(() =>
        {
            Assert.That(outcome.ExitCode, Is.EqualTo(exitCode), outcome.Error);
            Assert.That(outcome.ErrorLines.Count(line => line.StartsWith("error: ", StringComparison.Ordinal)), Is.EqualTo(1), outcome.Error);
            Assert.That(outcome.ErrorLines[^1], Does.StartWith("error: "));
            Assert.That(outcome.Error, Does.Not.Contain("   at ").And.Not.Contain("Exception"));
            foreach (string fragment in fragments)
            {
                Assert.That(outcome.ErrorLines[^1], Does.Contain(fragment));
            }
        });
    }

    // A model that never says that its answer is over, and may go on for long.
    private string Endless(string name)
    {
        const int Padding = 258;
        string model = TinyExperts.Copy("add", _folder[name]);
        TinyExperts.Edit(model, "config.json", config =>
        {
            config["max_position_embeddings"] = 1_000_000;
            config["eos_token_id"] = Padding;
        });
        TinyExperts.Edit(model, "generation_config.json", config => config["eos_token_id"] = Padding);
        foreach (string file in new[] { "tokenizer_config.json", "special_tokens_map.json" })
        {
            TinyExperts.Edit(model, file, config => config["eos_token"] = "<pad>");
        }

        return model;
    }
}
