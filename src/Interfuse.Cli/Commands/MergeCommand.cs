using System.CommandLine;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse merge RECIPE OUT</c></summary>
internal static class MergeCommand
{
    private static readonly Argument<string> RecipePath = new("RECIPE") { Description = "The recipe, a YAML file as mergekit reads it." };
    private static readonly Argument<string> Target = new("OUT") { Description = "The model directory to make." };

    private static readonly Option<int> Threads = new("--threads")
    {
        Description = "Threads to use. The result doesn't depend on it.",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    private static readonly Option<long> MaxMemory = new("--max-memory")
    {
        Description = "Memory to stay within, for example 1GiB. The result doesn't depend on it. [default: 4GiB]",
        CustomParser = Sizes.Parse,
    };

    private static readonly Option<long> ShardSize = new("--shard-size")
    {
        Description = "Tensor bytes at which a new output file is begun, for example 2GB. [default: 5GB]",
        CustomParser = Sizes.Parse,
    };

    private static readonly Option<ulong> Seed = new("--seed")
    {
        Description = "Seed of the methods that draw at random.",
        DefaultValueFactory = _ => 0,
    };

    private static readonly Option<MergeSemantics> Semantics = new("--semantics")
    {
        Description = "'published': as the papers say; 'mergekit': as mergekit 0.1.4 does where it differs.",
        DefaultValueFactory = _ => MergeSemantics.Published,
    };

    private static readonly Option<bool> TruncateEmbeddings = new("--truncate-embeddings")
    {
        Description = "Cut embeddings of different vocabularies to their common rows instead of refusing them.",
    };

    private static readonly Option<bool> Overwrite = new("--overwrite") { Description = "Replace what stands at OUT." };
    private static readonly Option<bool> Resume = new("--resume") { Description = "Continue an interrupted merge to OUT." };
    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Print the plan and stop: nothing is written." };
    private static readonly Option<bool> Json = new("--json") { Description = "Print the plan or the result as JSON." };
    private static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Print errors only." };

    public static Command Create()
    {
        Threads.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--threads must be at least 1");
            }
        });
        var command = new Command("merge", "Merge models by a recipe into a model directory.")
        {
            RecipePath, Target, Threads, MaxMemory, ShardSize, Seed, Semantics, TruncateEmbeddings, Overwrite, Resume, DryRun, Json, Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(() => Run(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        Recipe recipe = Recipe.Load(parsed.GetRequiredValue(RecipePath), MergeMethods.Signatures);
        using MergePlan plan = MergePlan.Create(recipe, Options(parsed));
        string target = parsed.GetRequiredValue(Target);
        bool quiet = parsed.GetValue(Quiet);
        if (!quiet)
        {
            foreach (string warning in plan.Warnings)
            {
                Console.Error.WriteLine($"warning: {warning}");
            }
        }

        if (parsed.GetValue(DryRun))
        {
            PlanReport report = PlanReport.Of(plan, target);
            Console.WriteLine(parsed.GetValue(Json) ? Reports.ToJson(report) : report.ToText());
            return ExitCode.Ok;
        }

        var progress = new MergeProgress();
        MergeReport result;
        using (ProgressView.Show(plan, progress, hidden: quiet || parsed.GetValue(Json)))
        {
            result = Merger.Run(plan, target, progress, cancellation);
        }

        if (parsed.GetValue(Json))
        {
            Console.WriteLine(Reports.ToJson(ResultReport.Of(plan, progress, result)));
        }
        else if (!quiet)
        {
            Console.WriteLine(ResultReport.Of(plan, progress, result).ToText());
        }

        return ExitCode.Ok;
    }

    private static MergeOptions Options(ParseResult parsed)
    {
        var defaults = new MergeOptions();
        return defaults with
        {
            Threads = parsed.GetValue(Threads),
            MaxMemory = parsed.GetResult(MaxMemory) is null ? defaults.MaxMemory : parsed.GetValue(MaxMemory),
            ShardSize = parsed.GetResult(ShardSize) is null ? defaults.ShardSize : parsed.GetValue(ShardSize),
            Seed = parsed.GetValue(Seed),
            Semantics = parsed.GetValue(Semantics),
            TruncateEmbeddings = parsed.GetValue(TruncateEmbeddings),
            Overwrite = parsed.GetValue(Overwrite),
            Resume = parsed.GetValue(Resume),
        };
    }
}
