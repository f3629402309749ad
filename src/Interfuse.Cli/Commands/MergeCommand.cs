using System.CommandLine;
using Interfuse.Compute;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse merge RECIPE OUT</c></summary>
internal static class MergeCommand
{
    private static readonly Argument<string> RecipePath = new("RECIPE")
    {
        Description = "The recipe: a YAML file as mergekit reads it.",
    };

    private static readonly Argument<string> Target = new("OUT")
    {
        Description = "The model directory, or expert pack, to make. It appears when it is complete, and not before.",
    };

    private static readonly Option<long?> MaxMemory = new("--max-memory")
    {
        Description = "Memory to stay within, for example 1GiB; the result doesn't depend on it. [default: 4GiB]",
        HelpName = "SIZE",
        CustomParser = Usage.ParseSize,
    };

    private static readonly Option<ulong?> Seed = new("--seed")
    {
        Description = "Seed of the methods that draw at random; the same seed gives the same output. [default: 0]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 0, ulong.MaxValue),
    };

    private static readonly Option<MergeSemantics?> Semantics = new("--semantics")
    {
        Description = "Whose definition of a method to follow where mergekit departs from the published one: "
            + "'published' or 'mergekit' (0.1.4). [default: published]",
        HelpName = "published|mergekit",
        CustomParser = result => Usage.ParseWord(
            result, ("published", MergeSemantics.Published), ("mergekit", MergeSemantics.Mergekit)),
    };

    private static readonly Option<bool> TruncateEmbeddings = new("--truncate-embeddings")
    {
        Description = "Cut embeddings of different vocabularies to their common rows instead of refusing them.",
    };

    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Continue an interrupted merge to OUT; starts from the beginning if there is none.",
    };

    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Print the plan (tensors, bytes, memory, files) and stop; nothing is written.",
    };

    public static Command Create()
    {
        var command = new Command("merge", "Merge models by a recipe into a model directory, or an expert pack.")
        {
            RecipePath, Target, CommonOptions.DeviceName, CommonOptions.Threads, MaxMemory, CommonOptions.ShardSize,
            Seed, Semantics, TruncateEmbeddings, CommonOptions.Overwrite, Resume, DryRun, CommonOptions.Json,
            CommonOptions.Quiet,
        };
        command.SetAction((parsed, cancellation) => Task.Run(
            () =>
            {
                try
                {
                    return Run(parsed, cancellation);
                }
                catch (OperationCanceledException)
                {
                    Messages.Note("interrupted; run the same command with --resume to continue");
                    return ExitCode.Interrupted;
                }
            },
            CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellation)
    {
        Recipe recipe = Recipe.Load(parsed.GetRequiredValue(RecipePath), PackMethods.RecipeSignatures);
        string target = parsed.GetRequiredValue(Target);
        bool dryRun = parsed.GetValue(DryRun);
        var output = Output.Of(parsed);
        using Device device = CommonOptions.OpenDevice(parsed, output);
        MergeOptions options = Options(parsed) with { Device = device };
        if (ModelSearch.Is(recipe))
        {
            SearchMerge.Run(recipe, options, target, dryRun, output, cancellation);
        }
        else if (PackMethods.Makes(recipe))
        {
            PackMerge.Run(recipe, options, target, dryRun, output, cancellation);
        }
        else
        {
            ModelMerge.Run(recipe, options, target, dryRun, output, cancellation);
        }

        return ExitCode.Ok;
    }

    private static MergeOptions Options(ParseResult parsed)
    {
        var defaults = new MergeOptions();
        return defaults with
        {
            Threads = CommonOptions.ThreadsOf(parsed),
            MaxMemory = parsed.GetValue(MaxMemory) ?? defaults.MaxMemory,
            ShardSize = parsed.GetValue(CommonOptions.ShardSize) ?? defaults.ShardSize,
            Seed = parsed.GetValue(Seed) ?? defaults.Seed,
            Semantics = parsed.GetValue(Semantics) ?? defaults.Semantics,
            TruncateEmbeddings = parsed.GetValue(TruncateEmbeddings),
            Overwrite = parsed.GetValue(CommonOptions.Overwrite),
            Resume = parsed.GetValue(Resume),
        };
    }
}
