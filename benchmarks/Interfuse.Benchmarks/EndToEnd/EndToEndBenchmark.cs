using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Interfuse.Benchmarks.EndToEnd;

/// <summary>Times whole merges of a generated 1.1-billion-parameter model, each beside plain file copies of the same bytes.</summary>
internal static class EndToEndBenchmark
{
    private static readonly Option<string> Folder = new("--folder")
    {
        Description = "Where the models are made and kept (11 GB) and outputs written.",
        DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "interfuse-benchmark"),
    };

    private static readonly Option<int> Rounds = new("--rounds")
    {
        Description = "How often each merge is timed; the median is reported.",
        DefaultValueFactory = _ => 3,
    };

    private static readonly Option<string> MaxMemory = new("--max-memory")
    {
        Description = "What the merge is told to stay within.",
        DefaultValueFactory = _ => "1GiB",
    };

    private static readonly Option<string[]> Only = new("--only")
    {
        Description = "The merges to time, by name.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [],
    };

    // Name, recipe without its models, whether the base is read.
    private static readonly (string Name, string Method, string Parameters, bool ReadsBase)[] Merges =
    [
        ("linear", "linear", "weight: 1", false),
        ("task_arithmetic", "task_arithmetic", "weight: 0.4", true),
        ("ties 0.2", "ties", "weight: 1, density: 0.2", true),
        ("ties 0.5", "ties", "weight: 1, density: 0.5", true),
        ("dare_ties 0.5", "dare_ties", "weight: 1, density: 0.5", true),
    ];

    public static int Run(string[] args)
    {
        var command = new RootCommand("Whole merges beside plain file copies.") { Folder, Rounds, MaxMemory, Only };
        command.SetAction(parsed => Measure(
            parsed.GetRequiredValue(Folder), parsed.GetValue(Rounds), parsed.GetRequiredValue(MaxMemory), parsed.GetRequiredValue(Only)));
        return command.Parse(args).Invoke();
    }

    private static int Measure(string folder, int rounds, string maxMemory, string[] only)
    {
        string[] models = [.. Enumerable.Range(0, 4).Select(expert => Path.Combine(folder, expert == 0 ? "base" : $"expert{expert}"))];
        for (int expert = 0; expert < models.Length; expert++)
        {
            SyntheticModel.Ensure(models[expert], expert);
        }

        string[] files = [.. models.Select(model => Path.Combine(model, "model.safetensors"))];
        PlainCopy.Read(files, Environment.ProcessorCount);
        Console.WriteLine($"{Environment.ProcessorCount} cores, {rounds} rounds, --max-memory {maxMemory}, inputs in the page cache");
        Console.WriteLine("| merge | read | write | copy s | merge s | ratio (min to max) | peak MiB |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var merge in Merges.Where(merge => only.Length == 0 || only.Contains(merge.Name)))
        {
            string[] inputs = merge.ReadsBase ? files : files[1..];
            string recipe = Path.Combine(folder, "recipe.yml");
            File.WriteAllText(recipe, Recipe(merge.Method, merge.Parameters, merge.ReadsBase));
            var runs = new List<(double Copy, double Merge, double Ratio, long Peak)>();
            for (int round = 0; round < rounds; round++)
            {
                double copy = PlainCopy.Read(inputs, Environment.ProcessorCount)
                    + PlainCopy.Write(Path.Combine(folder, "copy"), new FileInfo(files[0]).Length, Environment.ProcessorCount);
                (double seconds, long peak) = Merge(recipe, Path.Combine(folder, "merged"), maxMemory);
                runs.Add((copy, seconds, seconds / copy, peak));
            }

            runs.Sort((a, b) => a.Ratio.CompareTo(b.Ratio));
            var median = runs[runs.Count / 2];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {merge.Name} | {inputs.Sum(file => new FileInfo(file).Length) / 1e9:0.0} GB | {new FileInfo(files[0]).Length / 1e9:0.0} GB | {median.Copy:0.00} | {median.Merge:0.00} | {median.Ratio:0.00} ({runs[0].Ratio:0.00} to {runs[^1].Ratio:0.00}) | {runs.Max(run => run.Peak) >> 20} |"));
        }

        return 0;
    }

    private static string Recipe(string method, string parameters, bool readsBase) => $"""
        merge_method: {method}
        {(readsBase ? "base_model: ./base" : "")}
        models:
          - model: ./expert1
          - model: ./expert2
          - model: ./expert3
        parameters: {'{'} {parameters} {'}'}
        dtype: bfloat16
        """;

    /// <summary>Runs the command line as its users do, start of the process included; gives seconds and the peak resident bytes.</summary>
    private static (double Seconds, long PeakBytes) Merge(string recipe, string target, string maxMemory)
    {
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }

        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (string argument in (string[])
            [Path.Combine(AppContext.BaseDirectory, "interfuse.dll"), "merge", recipe, target, "--max-memory", maxMemory, "--quiet"])
        {
            start.ArgumentList.Add(argument);
        }

        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        long peak = 0;
        while (!process.WaitForExit(10))
        {
            peak = Math.Max(peak, PeakResidentBytes(process.Id));
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        return process.ExitCode == 0 ? (seconds, peak) : throw new InvalidOperationException($"the merge ended with {process.ExitCode}");
    }

    // The kernel's own high-water mark, so that polling can't miss a peak that was held for any time at all.
    private static long PeakResidentBytes(int process)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
