using Interfuse.Experts.Encoders;

namespace Interfuse.Cli;

/// <summary>What making an expert pack would do (<c>--dry-run</c>); its size follows from the weights.</summary>
internal sealed record PackPlanReport(
    string Method, IReadOnlyList<string> Models, IReadOnlyList<string> Experts, string Target, int Tensors,
    long Parameters, long BytesIn, long BytesToRead, long EnsembleBytes, long MaxMemory, IReadOnlyList<string> Warnings)
{
    public static PackPlanReport Of(PackPlan plan, string target) => new(
        plan.Recipe.MergeMethod,
        plan.ModelPaths,
        plan.Experts,
        Path.GetFullPath(target),
        plan.TensorCount,
        plan.ParameterCount,
        plan.InputBytes,
        plan.BytesToRead,
        plan.EnsembleBytes,
        plan.Options.MaxMemory,
        plan.Warnings);

    public string ToText() => Reports.ToText(
        $"Would pack {Sizes.Count(Experts.Count, "expert")} by {Method} into {Target}",
        [
            .. Reports.Column("models", Models),
            .. Reports.Column("experts", Experts),
            ("tensors", $"{Tensors}"),
            ("parameters", $"{Sizes.FormatParameters(Parameters)} each"),
            ("bytes in", Sizes.Format(BytesIn)
                + (BytesToRead == 2 * BytesIn ? ", read twice" : $"; {Sizes.Format(BytesToRead)} to read")),
            ("ensemble", Sizes.Format(EnsembleBytes)),
            ("memory", $"at most {Sizes.FormatMemory(MaxMemory)}"),
        ]);
}
