using System.Diagnostics;
using Interfuse.Server.Engine;
using static Interfuse.Server.Tests.Engine.WholeAnswers;

namespace Interfuse.Server.Tests.Engine;

/// <summary>Many at once. For two minutes of it, over HTTP, with percentiles: <c>benchmarks -- serving</c>.</summary>
public sealed class LoadTests
{
    private const int Clients = 64;
    private const int MaxTokens = 16;

    private static readonly TimeSpan Long = TimeSpan.FromSeconds(3);

    [Test]
    public async Task Clients_of_all_experts_get_their_own_answers_for_as_long_as_they_ask()
    {
        await using EngineHost host = await EngineHost.StartAsync();
        (string Prompt, int Expert, int MaxTokens)[] requests =
        [
            .. TinyPack.Experts.SelectMany((task, expert) => TinyPack.Prompts(task).Take(50).Select(prompt => (prompt, expert, MaxTokens))),
        ];
        string[] expected = TinyPack.AnswersAlone(requests);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(client => AskOnAsync(host.Engine, client, requests, expected)));

        GC.Collect();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long begin = Stopwatch.GetTimestamp();
        int[] answers = await Task.WhenAll(
            Enumerable.Range(0, Clients).Select(client => AskOnAsync(host.Engine, client, requests, expected)));
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        long after = GC.GetTotalMemory(forceFullCollection: true);

        TestContext.Out.WriteLine($"{answers.Sum() / seconds:f0} answers a second; heap {before >> 10} KiB, then {after >> 10} KiB");
        Assert.That(answers, Has.All.GreaterThan(0), "nobody starves");
        Assert.That(after, Is.LessThan(before + (8 << 20)), "nothing is kept of answers that were read");
    }

    private static Task<int> AskOnAsync(
        IExpertEngine engine, int client, (string Prompt, int Expert, int MaxTokens)[] requests, string[] expected) => Task.Run(async () =>
    {
        long begin = Stopwatch.GetTimestamp();
        int answers = 0;
        for (var random = new Random(client); Stopwatch.GetElapsedTime(begin) < Long; answers++)
        {
            int number = random.Next(requests.Length);
            (string prompt, int expert, int maxTokens) = requests[number];
            WholeAnswer answer = await engine.AskAsync(Request(TinyPack.Experts[expert], prompt, maxTokens));
            Assert.That(answer.Text, Is.EqualTo(expected[number]), prompt);
        }

        return answers;
    });
}
