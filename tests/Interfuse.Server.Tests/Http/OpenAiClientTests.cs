using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Interfuse.Server.Http;
using Interfuse.Testing;

namespace Interfuse.Server.Tests.Http;

/// <summary>OpenAI's own library for JavaScript, as it comes from the npm registry, works against the server.</summary>
/// <remarks>Needs node and the registry, and does not run where they are not.</remarks>
public sealed class OpenAiClientTests
{
    private static readonly TimeSpan HangGuard = TimeSpan.FromMinutes(3);

    // Kept between runs: the library is fetched once.
    private static readonly string Client = Path.Combine(AppContext.BaseDirectory, "openai-client");

    private TempFolder _folder = null!;

    [OneTimeSetUp]
    public async Task Fetch()
    {
        _folder = new TempFolder();
        Directory.CreateDirectory(Client);
        foreach (string file in new[] { "package.json", "client.mjs" })
        {
            File.Copy(Repository.PathOf("tests", "Interfuse.Server.Tests", "OpenAiClient", file), Path.Combine(Client, file), overwrite: true);
        }

        if (!Directory.Exists(Path.Combine(Client, "node_modules", "openai")))
        {
            (int exitCode, _, string error) = await RunAsync(
                "npm", "install", "--prefix", Client, "--ignore-scripts", "--no-audit", "--no-fund");
            if (exitCode != 0)
            {
                Assert.Ignore($"NOT RUN: npm can't fetch OpenAI's library here: {error.Trim()}");
            }
        }
    }

    [OneTimeTearDown]
    public void Delete() => _folder.Dispose();

    [Test]
    public async Task It_lists_completes_chats_and_streams()
    {
        await using RunningServer server =
            await RunningServer.StartEngineAsync([.. RunningServer.Keys, ("Models:0:Path", PackWithChat())]);

        (int exitCode, string output, string error) = await RunAsync(
            "node", Path.Combine(Client, "client.mjs"), InterfuseServer.AddressOf(server.App), RunningServer.Key);

        Assert.That(exitCode, Is.Zero, error);
        JsonElement seen = JsonDocument.Parse(output).RootElement;
        string[] answers = TinyPack.AnswersAlone(
            [("add 58+67=", 0, 8), ("sort planet=", 3, 8), ("[INST] add 58+67= [/INST]", 0, 8)]);
        Assert.Multiple(() =>
        {
            Assert.That(Strings(seen.GetProperty("models")), Is.EqualTo(new[]
            {
                "tiny/add", "tiny/cipher", "tiny/reverse", "tiny/sort", "tiny/auto", "tiny/shared",
            }));
            Assert.That(Text(seen, "model"), Is.EqualTo("tiny/add"));
            Assert.That(Completion(seen, "completion"), Is.EqualTo(answers[0]));
            Assert.That(
                string.Concat(Strings(Choice(seen, "completion").GetProperty("logprobs").GetProperty("tokens"))), Is.EqualTo(answers[0]));
            Assert.That(Completion(seen, "routed"), Is.EqualTo(answers[1]));
            Assert.That(seen.GetProperty("routed").GetProperty("model").GetString(), Is.EqualTo("tiny/sort"));
            Assert.That(
                seen.GetProperty("routed").GetProperty("interfuse").GetProperty("confidence").GetDouble(), Is.GreaterThan(0.9));
            Assert.That(Completion(seen, "stopped"), Is.EqualTo(answers[1].Split('n')[0]));
            Assert.That(Choice(seen, "stopped").GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
            Assert.That(Strings(seen.GetProperty("seeded")).Distinct().Count(), Is.EqualTo(1), "one seed, one answer");
            Assert.That(Choice(seen, "chat").GetProperty("message").GetProperty("content").GetString(), Is.EqualTo(answers[2]));
            Assert.That(
                Choice(seen, "chat").GetProperty("logprobs").GetProperty("content")[0].GetProperty("top_logprobs").GetArrayLength(),
                Is.EqualTo(2));
            Assert.That(Text(seen, "header"), Is.EqualTo("add"));
            Assert.That(Text(seen, "streamedText"), Is.EqualTo(answers[1]));
            Assert.That(Text(seen, "streamedChat"), Is.EqualTo(answers[2]));
            Assert.That(Text(seen, "streamedReason"), Is.EqualTo("stop").Or.EqualTo("length"));
            Assert.That(
                seen.GetProperty("streamedUsage").GetRawText(), Is.EqualTo(seen.GetProperty("chat").GetProperty("usage").GetRawText()));
            Assert.That(Text(seen, "helped"), Is.EqualTo(answers[2]));
            Assert.That(seen.GetProperty("errors").EnumerateArray().Select(each => each.GetRawText()), Is.EqualTo(new[]
            {
                """{"kind":"NotFoundError","status":404,"code":"model_not_found","param":"model","hasRequestId":true}""",
                """{"kind":"BadRequestError","status":400,"code":null,"param":"n","hasRequestId":true}""",
                """{"kind":"BadRequestError","status":400,"code":null,"param":"prompt","hasRequestId":true}""",
                """{"kind":"AuthenticationError","status":401,"code":"invalid_api_key","param":null,"hasRequestId":true}""",
            }));
        });
    }

    // The tiny experts know no conversations; the shortest of the known templates leaves them room for an answer.
    private string PackWithChat()
    {
        string pack = _folder["tiny"];
        Directory.CreateDirectory(pack);
        foreach (string file in Directory.GetFiles(TinyPack.Path))
        {
            File.Copy(file, Path.Combine(pack, Path.GetFileName(file)));
        }

        string template = Repository.PathOf("tests", "Interfuse.Inference.Tests", "Chat", "Templates", "llama2.json");
        File.WriteAllText(
            Path.Combine(pack, "chat_template.jinja"), JsonNode.Parse(File.ReadAllText(template))!["template"]!.GetValue<string>());
        return pack;
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            Assert.Ignore($"NOT RUN: there is no {program} here.");
            throw;
        }

        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            using var guard = new CancellationTokenSource(HangGuard);
            try
            {
                await process.WaitForExitAsync(guard.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail($"{program} hangs");
            }

            return (process.ExitCode, await output, await error);
        }
    }

    private static string? Text(JsonElement seen, string name) => seen.GetProperty(name).GetString();

    private static JsonElement Choice(JsonElement seen, string name) => seen.GetProperty(name).GetProperty("choices")[0];

    private static string? Completion(JsonElement seen, string name) => Choice(seen, name).GetProperty("text").GetString();

    private static IEnumerable<string?> Strings(JsonElement list) => list.EnumerateArray().Select(item => item.GetString());
}
