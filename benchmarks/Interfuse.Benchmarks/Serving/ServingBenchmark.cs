using System.CommandLine;
using System.Globalization;

namespace Interfuse.Benchmarks.Serving;

/// <summary>
/// Many clients at <c>interfuse serve</c>: experts mixed beside one expert at a time, every answer compared with the one that
/// the same request gets alone.
/// </summary>
internal static class ServingBenchmark
{
    private static readonly double[] Shares = [0.5, 0.95, 0.99];

    private static readonly Argument<string> Pack = new("PACK") { Description = "The pack; its experts are those of the tasks." };

    private static readonly Option<string> Tasks = new("--tasks")
    {
        Description = "A folder with EXPERT.jsonl of prompts for each expert.",
        DefaultValueFactory = _ => Path.Combine("examples", "tiny-experts", "tasks"),
    };

    private static readonly Option<int> Clients = new("--clients")
    {
        Description = "How many ask at once.",
        DefaultValueFactory = _ => 64,
    };

    private static readonly Option<int> Seconds = new("--seconds")
    {
        Description = "How long, in all.",
        DefaultValueFactory = _ => 120,
    };

    private static readonly Option<int> MaxTokens = new("--max-tokens")
    {
        Description = "The longest answer.",
        DefaultValueFactory = _ => 24,
    };

    private static readonly Option<int> Rounds = new("--rounds")
    {
        Description = "How often mixed and single traffic take turns.",
        DefaultValueFactory = _ => 4,
    };

    public static int Run(string[] args)
    {
        var command = new RootCommand("Many clients at interfuse serve.") { Pack, Tasks, Clients, Seconds, MaxTokens, Rounds };
        command.SetAction(MeasureAsync);
        return command.Parse(args).Invoke();
    }

    private static async Task<int> MeasureAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string pack = parsed.GetRequiredValue(Pack);
        using var server = await ServerProcess.StartAsync(pack, cancellation);
        using var client = new ServingClient(server.Address, parsed.GetValue(MaxTokens));
        string[] experts = await client.ExpertsAsync(cancellation);
        ServingPrompt[] prompts = [.. experts.SelectMany(expert => ServingPrompt.Load(parsed.GetRequiredValue(Tasks), expert))];
        Console.WriteLine($"{experts.Length} experts, {prompts.Length} prompts, {parsed.GetValue(Clients)} clients");
        foreach (ServingPrompt prompt in prompts)
        {
            prompt.Expected = (await client.AskAsync(prompt, cancellation)).Text;
        }

        long before = server.ResidentBytes;
        int rounds = parsed.GetValue(Rounds);
        var phase = TimeSpan.FromSeconds((double)parsed.GetValue(Seconds) / (2 * rounds));
        var mixed = new List<ServingLoad>();
        var single = new List<ServingLoad>();
        for (int round = 0; round < rounds; round++)
        {
            string expert = experts[round % experts.Length];
            mixed.Add(await ServingLoad.RunAsync(client, prompts, parsed.GetValue(Clients), phase, cancellation));
            single.Add(await ServingLoad.RunAsync(
                client, [.. prompts.Where(prompt => prompt.Expert == expert)], parsed.GetValue(Clients), phase, cancellation));
        }

        Console.WriteLine("| traffic | answers | tokens/s | first token p50, p95, p99 | whole answer p50, p95, p99 |");
        Console.WriteLine("|---|---|---|---|---|");
        Console.WriteLine(Row("mixed experts", mixed));
        Console.WriteLine(Row("one expert", single));
        double[] ratios = [.. mixed.Zip(single, (a, b) => a.TokensPerSecond / b.TokensPerSecond).Order()];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"mixed beside single, tokens/s: {ratios[rounds / 2]:0.00} ({ratios[0]:0.00} to {ratios[^1]:0.00}); "
            + $"resident {before >> 20} MiB before, {server.ResidentBytes >> 20} MiB after"));
        int errors = mixed.Concat(single).Sum(load => load.Errors.Count);
        int wrong = mixed.Concat(single).Sum(load => load.Wrong);
        Console.WriteLine($"errors {errors}, answers unlike the one alone {wrong}");
        foreach (string error in mixed.Concat(single).SelectMany(load => load.Errors).Distinct().Take(5))
        {
            Console.WriteLine($"  {error}");
        }

        return errors + wrong == 0 ? 0 : 1;
    }

    private static string Row(string traffic, IReadOnlyList<ServingLoad> loads)
    {
        ServedAnswer[] answers = [.. loads.SelectMany(load => load.Answers)];
        double seconds = loads.Sum(load => load.Duration.TotalSeconds);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"| {traffic} | {answers.Length} | {answers.Sum(answer => answer.Tokens) / seconds:0} "
            + $"| {Percentiles(answers.Select(answer => answer.FirstToken))} | {Percentiles(answers.Select(answer => answer.Total))} |");
    }

    private static string Percentiles(IEnumerable<TimeSpan> times)
    {
        double[] sorted = [.. times.Select(time => time.TotalMilliseconds).Order()];
        return sorted.Length == 0
            ? "-"
            : string.Join(", ", Shares.Select(share =>
                sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))].ToString("0", CultureInfo.InvariantCulture))) + " ms";
    }
}
