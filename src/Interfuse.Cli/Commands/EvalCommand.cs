using System.CommandLine;
using System.Diagnostics;
using Interfuse.Compute;
using Interfuse.Experts.Routing;
using Interfuse.Inference.Evaluation;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse eval MODEL_OR_PACK... --task FILE.jsonl...</c></summary>
internal static class EvalCommand
{
    private static readonly EvaluationOptions Defaults = new();

    private static readonly Argument<string[]> ModelPaths = new(AnswerOptions.ModelName)
    {
        Description = "Directories of models and expert packs.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<string[]> TaskPaths = new("--task")
    {
        Description = "Tasks in JSON Lines: prompts with answers, prompts with choices, or texts (docs/evaluation.md).",
        HelpName = "FILE",
        AllowMultipleArgumentsPerToken = true,
        Required = true,
    };

    private static readonly Option<string[]> Experts = new("--expert")
    {
        Description = "Which experts of packs. [default: all]",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<string[]> Mixtures = new("--mixture")
    {
        Description = ExpertChoice.Mixture.Description,
        HelpName = ExpertChoice.Mixture.HelpName,
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<RoutePolicy[]?> Routes = new("--route")
    {
        Description = "Whom the packs' routers send each sample to, by these policies; a row for each.",
        HelpName = ExpertChoice.Route.HelpName,
        AllowMultipleArgumentsPerToken = true,
        CustomParser = RouteWords.ParseAll,
    };

    private static readonly Option<ulong?> MaxTokens = AnswerOptions.MaxTokens(Defaults.MaxTokens);

    private static readonly Option<ulong?> Limit = new("--limit")
    {
        Description = "Only the first samples of each task, as many. [default: all]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 1, int.MaxValue),
    };

    private static readonly Option<string?> Samples = new("--samples")
    {
        Description = "Also write what came of each sample, as JSON Lines; a file that is there is replaced.",
        HelpName = "FILE",
    };

    public static Command Create()
    {
        var command = new Command("eval", "Measure what models and experts of packs can do, on tasks of your own.")
        {
            ModelPaths, TaskPaths, Experts, Mixtures, ExpertChoice.Shared, Routes, MaxTokens, Limit, AnswerOptions.Stop,
            AnswerOptions.Chat, Samples, CommonOptions.DeviceName, CommonOptions.Threads, CommonOptions.Json,
            CommonOptions.Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string? samples = parsed.GetValue(Samples);
        if (samples is not null)
        {
            OutputFile.CheckPlace(samples, "the samples");
        }

        string[] taskPaths = parsed.GetRequiredValue(TaskPaths);
        EvaluationTask[] tasks = [.. taskPaths.Select(EvaluationTask.Load)];
        if (parsed.GetValue(Limit) is { } limit)
        {
            tasks = [.. tasks.Select(task => task with { Samples = [.. task.Samples.Take((int)limit)] })];
        }

        var output = Output.Of(parsed);
        using Evaluation evaluation = Evaluation.Of(
            parsed.GetRequiredValue(ModelPaths),
            new EvaluatedExperts(
                parsed.GetValue(Experts) ?? [], parsed.GetValue(Mixtures) ?? [], parsed.GetValue(ExpertChoice.Shared),
                parsed.GetValue(Routes) ?? []),
            parsed.GetValue(AnswerOptions.Chat));
        int threads = CommonOptions.ThreadsOf(parsed);
        using Device device = CommonOptions.OpenDevice(parsed, output, threads);
        EvaluationOptions options = Defaults with
        {
            MaxTokens = (int?)parsed.GetValue(MaxTokens) ?? Defaults.MaxTokens,
            StopStrings = parsed.GetValue(AnswerOptions.Stop) ?? Defaults.StopStrings,
        };

        long begin = Stopwatch.GetTimestamp();
        var progress = new SampleProgress(evaluation.Rows * tasks.Sum(task => task.Samples.Count));
        IReadOnlyList<EvaluatedModel> models;
        using (output.ShowProgress(progress.Status))
        {
            models = evaluation.Run(tasks, options, device, progress, cancellation);
        }

        if (samples is not null)
        {
            SampleLines.Write(samples, models);
        }

        string[] names = ShortNames.Of(taskPaths, Path.GetFileNameWithoutExtension);
        var report = EvaluationReport.Of(models, names, options, parsed.GetValue(AnswerOptions.Chat), device) with
        {
            Seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds,
        };
        output.Print(report, report.ToText);
        return ExitCode.Ok;
    }
}
