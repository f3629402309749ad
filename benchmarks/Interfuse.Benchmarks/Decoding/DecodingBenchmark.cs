using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.IO.MemoryMappedFiles;
using Interfuse.Benchmarks.EndToEnd;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Models;

namespace Interfuse.Benchmarks.Decoding;

/// <summary>
/// Times a generated 1.1-billion-parameter model, and packs of four experts of it, beside the machine's own ceilings:
/// decoding beside reading the same weights, prompts beside multiplications in registers.
/// </summary>
internal static class DecodingBenchmark
{
    private const int Experts = 4;
    private const int PromptTokens = 256;
    private const int Steps = 6;

    private static readonly int[] ShortPrompt = [1, 2, 3];

    // Each method's parameters for a pack of its own.
    private static readonly Dictionary<string, string> Parameters = new()
    {
        ["channel_merging"] = "groups: 2",
        ["mediator"] = "rho: 0.1",
        ["twin_merging"] = "rank: 32",
        ["emr_merging"] = "scale: per_tensor_mean",
    };

    private static readonly Option<string> Folder = new("--folder")
    {
        Description = "Where the models and the pack are made and kept (16 GB).",
        DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "interfuse-benchmark"),
    };

    private static readonly Option<int> Rounds = new("--rounds")
    {
        Description = "How often each figure is taken; the median is reported.",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<string[]> Methods = new("--methods")
    {
        Description = "The methods whose packs are made and timed, or 'none'. Twin-Merging takes minutes to make.",
        DefaultValueFactory = _ => ["channel_merging"],
        AllowMultipleArgumentsPerToken = true,
    };

    public static int Run(string[] args)
    {
        var command = new RootCommand("Decoding beside the machine's ceilings.") { Folder, Rounds, Methods };
        Methods.AcceptOnlyFromAmong([.. Parameters.Keys, "none"]);
        command.SetAction(parsed => Measure(
            parsed.GetRequiredValue(Folder), parsed.GetValue(Rounds), parsed.GetRequiredValue(Methods)));
        return command.Parse(args).Invoke();
    }

    private static void Measure(string folder, int rounds, string[] methods)
    {
        string model = Path.Combine(folder, "base");
        SyntheticModel.Ensure(model, 0);
        using var device = new CpuDevice(Environment.ProcessorCount);
        Console.WriteLine($"{device.Name}, {device.Threads} threads, {rounds} rounds, weights in the page cache");
        Console.WriteLine("| what | ceiling | reached | share: median (min to max) |");
        Console.WriteLine("|---|---|---|---|");
        using (var file = MemoryMappedFile.CreateFromFile(Path.Combine(model, "model.safetensors"), FileMode.Open))
        using (MemoryMappedViewAccessor view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read))
        using (Decoder decoder = Load(model, device))
        {
            long layers = LayerParameters(decoder.Config);

            // A step reads every matrix but the embedding, of which it reads a row. Of a prompt, only the last token goes
            // through the head.
            long read = sizeof(ushort) * (layers + ((long)decoder.Config.VocabularySize * decoder.Config.HiddenSize));
            double work = 2.0 * PromptTokens * layers;
            double Read() => Ceilings.ReadBandwidth(view.SafeMemoryMappedViewHandle, device.Threads) / 1e9;
            Read();
            Report("decode, one sequence", "GB/s", rounds, Read, () => read / StepSeconds(decoder, [0]) / 1e9);
            Report(
                $"prompt of {PromptTokens} tokens", "GFLOP/s", rounds,
                () => Ceilings.FusedRate(device.Threads) / 1e9,
                () => work / PromptSeconds(decoder) / 1e9);
        }

        foreach (string method in methods.Where(Parameters.ContainsKey))
        {
            MeasurePack(folder, method, rounds, device);
        }
    }

    private static void MeasurePack(string folder, string method, int rounds, CpuDevice device)
    {
        string path = Path.Combine(folder, method);
        EnsurePack(folder, method, path);
        using Decoder decoder = Load(path, device);
        Console.WriteLine();
        Console.WriteLine($"{method} ({Parameters[method]})");
        Console.WriteLine();
        Console.WriteLine("| sequences | experts | step beside as many sequences of one expert | beside one sequence |");
        Console.WriteLine("|---|---|---|---|");
        foreach (int count in (int[])[2, 4, 8, 16])
        {
            int[] experts = [.. Enumerable.Range(0, count).Select(i => i % Experts)];
            (double OneExpert, double OneSequence)[] ratios =
            [
                .. Enumerable.Range(0, rounds).Select(_ =>
                {
                    double mixed = StepSeconds(decoder, experts);
                    return (mixed / StepSeconds(decoder, new int[count]), mixed / StepSeconds(decoder, [0]));
                }),
            ];
            Console.WriteLine(
                $"| {count} | {experts.Distinct().Count()} | {Spread(ratios.Select(ratio => ratio.OneExpert))} "
                + $"| {Spread(ratios.Select(ratio => ratio.OneSequence))} |");
        }
    }

    // The median, and the least and the greatest.
    private static string Spread(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return string.Create(
            CultureInfo.InvariantCulture, $"{sorted[sorted.Length / 2]:0.00} ({sorted[0]:0.00} to {sorted[^1]:0.00})");
    }

    private static void EnsurePack(string folder, string method, string path)
    {
        if (ExpertPack.IsPack(path))
        {
            return;
        }

        for (int expert = 1; expert <= Experts; expert++)
        {
            SyntheticModel.Ensure(Path.Combine(folder, $"expert{expert}"), expert);
        }

        string recipe = Path.Combine(folder, method + ".yml");
        File.WriteAllText(recipe, $$"""
            merge_method: {{method}}
            base_model: ./base
            models: [{ model: ./expert1 }, { model: ./expert2 }, { model: ./expert3 }, { model: ./expert4 }]
            parameters: { {{Parameters[method]}} }
            dtype: bfloat16
            """);
        Console.WriteLine($"making {path}");
        var start = new ProcessStartInfo("dotnet");
        foreach (string argument in (string[])
            [Path.Combine(AppContext.BaseDirectory, "interfuse.dll"), "merge", recipe, path, "--quiet"])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"The pack was not made: {process.ExitCode}.");
        }
    }

    private static Decoder Load(string path, Device device)
    {
        using ModelWeights weights = ModelWeights.Open(path);
        return Decoder.Load(weights, device);
    }

    // The ceiling and what is reached are taken in turn, so that both see the same machine.
    private static void Report(string what, string unit, int rounds, Func<double> ceiling, Func<double> reached)
    {
        reached();
        (double Ceiling, double Reached)[] runs =
            [.. Enumerable.Range(0, rounds).Select(_ => (ceiling(), reached())).OrderBy(run => run.Item2 / run.Item1)];
        (double top, double got) = runs[rounds / 2];
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"| {what} | {top:0.0} {unit} | {got:0.0} {unit} | {got / top:0%} ({runs[0].Reached / runs[0].Ceiling:0%} to {runs[^1].Reached / runs[^1].Ceiling:0%}) |"));
    }

    private static double StepSeconds(Decoder decoder, int[] experts)
    {
        DecoderSequence[] sequences = [.. experts.Select(decoder.Start)];
        try
        {
            int[] tokens = [.. sequences.Select((_, i) => 100 + i)];
            decoder.Read([.. sequences.Select(sequence => new Reading(sequence, ShortPrompt))], (_, _, _) => { });
            decoder.Step(sequences, tokens, (_, _, _) => { });
            long begin = Stopwatch.GetTimestamp();
            for (int step = 0; step < Steps; step++)
            {
                decoder.Step(sequences, tokens, (_, _, _) => { });
            }

            return Stopwatch.GetElapsedTime(begin).TotalSeconds / Steps;
        }
        finally
        {
            Array.ForEach(sequences, sequence => sequence.Dispose());
        }
    }

    private static double PromptSeconds(Decoder decoder)
    {
        using DecoderSequence sequence = decoder.Start();
        int[] tokens = [.. Enumerable.Range(0, PromptTokens).Select(i => 1 + (i * 97 % 30000))];
        long begin = Stopwatch.GetTimestamp();
        decoder.Read([new Reading(sequence, tokens)], (_, _, _) => { });
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    // The parameters of every layer's matrices.
    private static long LayerParameters(DecoderConfig config)
    {
        long queries = (long)config.QueryHeads * config.HeadLength;
        long keys = (long)config.KeyValueHeads * config.HeadLength;
        return config.LayerCount * ((2 * config.HiddenSize * queries) + (2 * config.HiddenSize * keys)
            + (3L * config.HiddenSize * config.FeedForwardSize));
    }
}
