using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;

namespace Interfuse.Cli;

/// <summary>What a merge would do (<c>--dry-run</c>).</summary>
internal sealed record PlanReport(
    string Method, IReadOnlyList<string> Models, string Target, int Tensors, long Parameters, long BytesIn, long BytesOut,
    int Threads, long MaxMemory, IReadOnlyList<PlannedShard> Shards, IReadOnlyList<string> Warnings)
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
        $"Would merge {Models.Count} models by {Method} into {Target}",
        [
            .. Models.Select((model, index) => (index == 0 ? "models" : "", (string?)model)),
            ("tensors", $"{Tensors}"),
            ("parameters", Sizes.Count(Parameters)),
            ("bytes in", Sizes.Format(BytesIn)),
            ("bytes out", Sizes.Format(BytesOut)),
            ("memory", $"at most {Sizes.Format(MaxMemory)} on {Threads} threads"),
            .. Shards.Select((shard, index) =>
                (index == 0 ? "files" : "", (string?)$"{shard.File}  {shard.Tensors} tensors  {Sizes.Format(shard.Bytes)}")),
        ]);
}

/// <summary>One output file of a plan.</summary>
internal sealed record PlannedShard(string File, int Tensors, long Bytes);
