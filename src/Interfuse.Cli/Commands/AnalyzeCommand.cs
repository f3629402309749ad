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
    private static readonly Argument<string> RecipePath = new("RECIPE")
    {
        Description = "A recipe with base_model and models; its method and parameters don't matter.",
    };

    private static readonly Option<string?> Page = new("--report")
    {
        Description = "Also write one self-contained HTML page with pictures; a file that is there is replaced.",
        HelpName = "FILE",
    };

    public static Command Create()
    {
        var command = new Command(
            "analyze", "Show how the models of a recipe differ, and what a pack of a given size would keep; no weights are written.")
        {
            RecipePath, Page, CommonOptions.DeviceName, CommonOptions.Threads, CommonOptions.Json, CommonOptions.Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string path = parsed.GetRequiredValue(RecipePath);
        Recipe recipe = Recipe.Load(path, PackMethods.RecipeSignatures);
        string? page = parsed.GetValue(Page);
        if (page is not null)
        {
            OutputFile.CheckPlace(page, "the report");
        }

        var output = Output.Of(parsed);
        using Device device = CommonOptions.OpenDevice(parsed, output);

        var progress = new AnalysisProgress();
        long begin = Stopwatch.GetTimestamp();
        ModelAnalysis analysis;
        using (output.ShowProgress(elapsed => Status(progress, elapsed)))
        {
            analysis = Analyzer.Run(recipe, device, CommonOptions.ThreadsOf(parsed), progress, cancellation);
        }

        output.Warn(recipe.Warnings.Concat(analysis.Warnings));
        if (page is not null)
        {
            OutputFile.Write(page, file => file.Write(new AnalysisPage(analysis, path).ToHtml()));
        }

        var report = AnalysisReport.Of(analysis, path, Stopwatch.GetElapsedTime(begin), device.Name);
        output.Print(report, report.ToText);
        return ExitCode.Ok;
    }

    private static WorkStatus Status(AnalysisProgress progress, TimeSpan elapsed)
    {
        // Nothing until the headers have been read.
        long total = Math.Max(progress.BytesTotal, 1);
        long read = progress.BytesRead;
        return new WorkStatus(read, total, read, elapsed) { AtEnd = read >= total ? "finding what packs would keep" : null };
    }
}
