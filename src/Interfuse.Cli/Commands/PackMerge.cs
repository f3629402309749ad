using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Cli.Commands;

/// <summary>What <c>interfuse merge</c> does by a recipe that makes an expert pack.</summary>
internal static class PackMerge
{
    public static void Run(
        Recipe recipe, MergeOptions options, string target, bool dryRun, Output output, CancellationToken cancellation)
    {
        using PackPlan plan = PackPlan.Create(recipe, options);
        output.Warn(plan.Warnings);
        if (dryRun)
        {
            PackPlanReport planned = PackPlanReport.Of(plan, target);
            output.Print(planned, planned.ToText);
            return;
        }

        var progress = new MergeProgress();
        EncodingReport packed;
        using (output.ShowProgress(elapsed => Status(plan, progress, elapsed)))
        {
            packed = PackEncoder.Run(plan, target, progress, cancellation);
        }

        PackResultReport result = PackResultReport.Of(plan, progress, packed);
        output.Print(result, result.ToText);
    }

    // What a pack will take is known only when its models have been read.
    private static WorkStatus Status(PackPlan plan, MergeProgress progress, TimeSpan elapsed) =>
        WorkStatus.OfTensors(progress, progress.BytesRead, Math.Max(plan.BytesToRead, progress.BytesRead), plan.TensorCount, elapsed);
}
