using System.CommandLine;
using Interfuse.Compute;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Cli.Commands;

/// <summary><c>interfuse merge RECIPE OUT</c></summary>
internal static class MergeCommand
{
    // More threads than any machine has cores only cost memory.
    private const int MaxThreads = 1024;

    private static readonly Argument<string> RecipePath = new("RECIPE")
    {
        Description = "The recipe: a YAML file as mergekit reads it.",
    };

    private static readonly Argument<string> Target = new("OUT")
    {
        Description = "The model directory, or expert pack, to make. It appears when it is complete, and not before.",
    };

    private static readonly Option<string?> DeviceName = new("--device")
    {
        Description = "What to compute on; the output doesn't depend on it. 'auto' takes CUDA where it can be used and says what it "
            + "chose; 'software' runs the CUDA kernels on the processor, to test them. [default: cpu]",
        HelpName = string.Join('|', Devices.Names),
        CustomParser = Usage.ParseDevice,
    };

    private static readonly Option<ulong?> Threads = new("--threads")
    {
        Description = "Threads to use; the output doesn't depend on it. [default: one per core]",
        HelpName = "N",
        CustomParser = result => Usage.ParseNumber(result, 1, MaxThreads),
    };

    private static readonly Option<long?> MaxMemory = new("--max-memory")
    {
        Description = "Memory to stay within, for example 1GiB; the output doesn't depend on it. [default: 4GiB]",
        HelpName = "SIZE",
        CustomParser = Usage.ParseSize,
    };

    private static readonly Option<long?> ShardSize = new("--shard-size")
    {
        Description = "Begin a new output file at this size, for example 2GB. [default: 5GB]",
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

    private static readonly Option<bool> Overwrite = new("--overwrite")
    {
        Description = "Replace the directory at OUT once the new one is complete.",
    };

    private static readonly Option<bool> Resume = new("--resume")
    {
        Description = "Continue an interrupted merge to OUT; starts from the beginning if there is none.",
    };

    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Print the plan (tensors, bytes, memory, files) and stop; nothing is written.",
    };

    private static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the plan or the result as one JSON document, and show no progress.",
    };

    private static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print errors only: no result, no progress, no warnings.",
    };

    public static Command Create()
    {
        var command = new Command("merge", "Merge models by a recipe into a model directory.")
        {
            RecipePath, Target, DeviceName, Threads, MaxMemory, ShardSize, Seed, Semantics, TruncateEmbeddings, Overwrite, Resume,
            DryRun, Json, Quiet,
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
        Recipe recipe = Recipe.Load(parsed.GetRequiredValue(RecipePath), ChannelMerging.RecipeSignatures);
        string target = parsed.GetRequiredValue(Target);
        bool json = parsed.GetValue(Json);
        bool quiet = parsed.GetValue(Quiet);

        // A merge has threads of its own, each of which computes what it has read.
        DeviceChoice choice = Devices.Open(parsed.GetValue(DeviceName) ?? Devices.Cpu, threads: 1);
        using Device device = choice.Device;
        if (parsed.GetValue(DeviceName) == Devices.Auto && !quiet)
        {
            Messages.Note($"device: {choice.Why}");
        }

        MergeOptions options = Options(parsed) with { Device = device };
        if (ChannelMerging.Makes(recipe))
        {
            Pack(parsed, recipe, options, cancellation);
            return ExitCode.Ok;
        }

        using MergePlan plan = MergePlan.Create(recipe, options);
        foreach (string warning in quiet ? [] : plan.Warnings)
        {
            Messages.Warning(warning);
        }

        if (parsed.GetValue(DryRun))
        {
            PlanReport report = PlanReport.Of(plan, target);
            Console.WriteLine(json ? Reports.ToJson(report) : report.ToText());
            return ExitCode.Ok;
        }

        var progress = new MergeProgress();
        long tensorBytes = plan.Layout.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength));
        MergeReport merged;
        using (ProgressView.Show(Status, hidden: quiet || json))
        {
            merged = Merger.Run(plan, target, progress, cancellation);
        }

        var result = ResultReport.Of(plan, progress, merged);
        if (json)
        {
            Console.WriteLine(Reports.ToJson(result));
        }
        else if (!quiet)
        {
            Console.WriteLine(result.ToText());
        }

        return ExitCode.Ok;

        WorkStatus Status(TimeSpan elapsed) => WorkStatus.OfTensors(
            progress, progress.BytesWritten + progress.BytesResumed, tensorBytes, plan.TensorCount, elapsed) with
        {
            BytesResumed = progress.BytesResumed,
        };
    }

    private static void Pack(
        ParseResult parsed, Recipe recipe, MergeOptions options, CancellationToken cancellation)
    {
        string target = parsed.GetRequiredValue(Target);
        bool json = parsed.GetValue(Json);
        bool quiet = parsed.GetValue(Quiet);
        using PackPlan plan = PackPlan.Create(recipe, options);
        foreach (string warning in quiet ? [] : plan.Warnings)
        {
            Messages.Warning(warning);
        }

        if (parsed.GetValue(DryRun))
        {
            PackPlanReport report = PackPlanReport.Of(plan, target);
            Console.WriteLine(json ? Reports.ToJson(report) : report.ToText());
            return;
        }

        var progress = new MergeProgress();
        EncodingReport packed;
        using (ProgressView.Show(Status, hidden: quiet || json))
        {
            packed = PackEncoder.Run(plan, target, progress, cancellation);
        }

        var result = PackResultReport.Of(plan, progress, packed);
        if (json)
        {
            Console.WriteLine(Reports.ToJson(result));
        }
        else if (!quiet)
        {
            Console.WriteLine(result.ToText());
        }

        // What a pack will take is known only when its models have been read, which is done twice.
        WorkStatus Status(TimeSpan elapsed) => WorkStatus.OfTensors(
            progress, progress.BytesRead, 2 * plan.InputBytes, plan.TensorCount, elapsed);
    }

    private static MergeOptions Options(ParseResult parsed)
    {
        var defaults = new MergeOptions();
        return defaults with
        {
            Threads = (int?)parsed.GetValue(Threads) ?? Math.Min(defaults.Threads, MaxThreads),
            MaxMemory = parsed.GetValue(MaxMemory) ?? defaults.MaxMemory,
            ShardSize = parsed.GetValue(ShardSize) ?? defaults.ShardSize,
            Seed = parsed.GetValue(Seed) ?? defaults.Seed,
            Semantics = parsed.GetValue(Semantics) ?? defaults.Semantics,
            TruncateEmbeddings = parsed.GetValue(TruncateEmbeddings),
            Overwrite = parsed.GetValue(Overwrite),
            Resume = parsed.GetValue(Resume),
        };
    }
}
