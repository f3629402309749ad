using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;

namespace Interfuse.Cli;

/// <summary>What a merge would do (<c>--dry-run</c>).</summary>
internal sealed record PlanReport(
    string Method, IReadOnlyList<string> Models, string Target, int Tensors, long Parameters,
    long BytesIn, long BytesOut, int Threads, long MaxMemory, IReadOnlyList<PlannedShard> Shards,
    IReadOnlyList<string> Warnings)
{
    public static PlanReport Of(MergePlan plan, string target) => new(
        plan.Recipe.MergeMethod,
        plan.ModelPaths,
        Path.GetFullPath(target),
        plan.TensorCount,
        plan.ParameterCount,
        plan.InputBytes,
        plan.OutputBytes,
        Merger.ThreadsWithin(plan),
        plan.Options.MaxMemory,
        [.. plan.Layout.Shards.Select(shard => new PlannedShard(shard.FileName, shard.Tensors.Count, shard.Length))],
        plan.Warnings);

    public string ToText() => Reports.ToText(
        $"Would merge {Sizes.Count(Models.Count, "model")} by {Method} into {Target}",
        [
            .. Reports.Column("models", Models),
            ("tensors", $"{Tensors}"),
            ("parameters", Sizes.FormatParameters(Parameters)),
            ("bytes in", Sizes.Format(BytesIn)),
            ("bytes out", Sizes.Format(BytesOut)),
            ("memory", $"at most {Sizes.FormatMemory(MaxMemory)} on {Sizes.Count(Threads, "thread")}"),
            .. Reports.Column("files", Shards.Select(shard =>
                $"{shard.File}  {Sizes.Count(shard.Tensors, "tensor")}  {Sizes.Format(shard.Bytes)}")),
        ]);
}

/// <summary>One output file of a plan.</summary>
internal sealed record PlannedShard(string File, int Tensors, long Bytes);
