using System.CommandLine;
using System.Diagnostics;
using Interfuse.Compute;
using Interfuse.Experts.Analysis;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Recipes;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse analyze RECIPE</c></summary>
internal static class AnalyzeCommand
{
    private const int MaxThreads = 1024;

    private static readonly Argument<string> RecipePath = new("RECIPE")
    {
        Description = "A recipe with base_model and models; its method and parameters don't matter.",
    };

    private static readonly Option<string?> Page = new("--report")
    {
        Description = "Also write one self-contained HTML page with pictures; a file that is there is replaced.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> DeviceName = new("--device")
    {
        Description = "What to compute inner products on; the result doesn't depend on it. 'auto' takes CUDA where it can be used and "
            + "says what it chose; 'software' runs the CUDA kernels on the processor, to test them. [default: cpu]",
        HelpName = string.Join('|', Devices.Names),
        CustomParser = Usage.ParseDevice,
    };

    private static readonly Option<ulong?> Threads = new("--threads")
    {
        Description = "Threads to use; the result doesn't depend on it. [default: one per core]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 1, MaxThreads),
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print one JSON document, with every tensor, and show no progress.",
    };

    private static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print errors only: no result, no progress, no warnings.",
    };

    public static Command Create()
    {
        var command = new Command(
            "analyze", "Show how the models of a recipe differ, and what a pack of a given size would keep; no weights are written.")
        {
            RecipePath, Page, DeviceName, Threads, Json, Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string path = parsed.GetRequiredValue(RecipePath);
        Recipe recipe = Recipe.Load(path, ChannelMerging.RecipeSignatures);
        bool json = parsed.GetValue(Json);
        bool quiet = parsed.GetValue(Quiet);
        string? page = parsed.GetValue(Page);
        CheckPlace(page);

        // The analysis has threads of its own, each of which computes what it has read.
        DeviceChoice choice = Devices.Open(parsed.GetValue(DeviceName) ?? Devices.Cpu, threads: 1);
        using Device device = choice.Device;
        if (parsed.GetValue(DeviceName) == Devices.Auto && !quiet)
        {
            Messages.Note($"device: {choice.Why}");
        }

        var progress = new AnalysisProgress();
        int threads = (int?)parsed.GetValue(Threads) ?? Math.Min(Environment.ProcessorCount, MaxThreads);
        long begin = Stopwatch.GetTimestamp();
        ModelAnalysis analysis;
        using (ProgressView.Show(elapsed => Status(progress, elapsed), hidden: quiet || json))
        {
            analysis = Analyzer.Run(recipe, device, threads, progress, cancellation);
        }

        foreach (string warning in quiet ? [] : recipe.Warnings.Concat(analysis.Warnings))
        {
            Messages.Warning(warning);
        }

        if (page is not null)
        {
            Write(page, new AnalysisPage(analysis, path).ToHtml());
        }

        var report = AnalysisReport.Of(analysis, path, Stopwatch.GetElapsedTime(begin), device.Name);
        if (json)
        {
            Console.WriteLine(Reports.ToJson(report));
        }
        else if (!quiet)
        {
            Console.WriteLine(report.ToText());
        }

        return ExitCode.Ok;
    }

    private static WorkStatus Status(AnalysisProgress progress, TimeSpan elapsed)
    {
        // Nothing until the headers have been read.
        long total = Math.Max(progress.BytesTotal, 1);
        long read = progress.BytesRead;
        return new WorkStatus(read, total, read, elapsed) { AtEnd = read >= total ? "finding what packs would keep" : null };
    }

    // Before the work of minutes, rather than after it.
    private static void CheckPlace(string? page)
    {
        if (page is null)
        {
            return;
        }

        string full = Path.GetFullPath(page);
        if (Directory.Exists(full))
        {
            throw new InterfuseException($"{page}: is a folder; give the name of a file for the report");
        }

        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            throw new InterfuseException($"{page}: there is no folder {Path.GetDirectoryName(full)}; make it first");
        }
    }

    // Complete or not at all under its name.
    private static void Write(string page, string html)
    {
        string temporary = $"{Path.GetFullPath(page)}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllText(temporary, html);
            File.Move(temporary, page, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
