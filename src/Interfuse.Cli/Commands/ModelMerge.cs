using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Cli.Commands;

/// <summary>What <c>interfuse merge</c> does by a recipe that makes a model.</summary>
internal static class ModelMerge
{
    public static void Run(
        Recipe recipe, MergeOptions options, string target, bool dryRun, Output output, CancellationToken cancellation)
    {
        using MergePlan plan = MergePlan.Create(recipe, options);
        output.Warn(plan.Warnings);
        if (dryRun)
        {
            PlanReport planned = PlanReport.Of(plan, target);
            output.Print(planned, planned.ToText);
            return;
        }

        long bytes = plan.Layout.Shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength));
        var progress = new MergeProgress();
        MergeReport merged;
        using (output.ShowProgress(elapsed => Status(progress, bytes, plan.TensorCount, elapsed)))
        {
            merged = Merger.Run(plan, target, progress, cancellation);
        }

        ResultReport result = ResultReport.Of(plan, progress, merged);
        output.Print(result, result.ToText);
    }

    private static WorkStatus Status(MergeProgress progress, long bytes, int tensors, TimeSpan elapsed) =>
        WorkStatus.OfTensors(progress, progress.BytesWritten + progress.BytesResumed, bytes, tensors, elapsed) with
        {
            BytesResumed = progress.BytesResumed,
        };
}
