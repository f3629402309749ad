using System.Globalization;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;

namespace Interfuse.Cli;

/// <summary>What a merge did.</summary>
internal sealed record ResultReport(
    string Method, int Models, string Target, int Tensors, int TensorsResumed, long Parameters, long BytesOut,
    long BytesRead, long BytesWritten, int Files, double Seconds, int Threads, string Device,
    IReadOnlyList<NonFiniteTensor> NonFinite, IReadOnlyList<string> Warnings)
{
    // As many tensors with NaN as fit on a screen; --json has all.
    private const int NonFiniteShown = 10;

    public static ResultReport Of(MergePlan plan, MergeProgress progress, MergeReport report) => new(
        plan.Recipe.MergeMethod,
        plan.ModelPaths.Count,
        report.Target,
        plan.TensorCount,
        report.TensorsResumed,
        plan.ParameterCount,
        plan.OutputBytes,
        progress.BytesRead,
        progress.BytesWritten,
        plan.Layout.Shards.Count,
        report.Elapsed.TotalSeconds,
        report.Threads,
        report.Device,
        report.NonFinite,
        plan.Warnings);

    public string ToText()
    {
        double rate = (BytesRead + BytesWritten) / Math.Max(Seconds, 1e-9);
        string seconds = Seconds.ToString(Seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);
        return Reports.ToText(
            $"Merged {Sizes.Count(Models, "model")} by {Method} into {Target}",
            [
                ("tensors", $"{Tensors}"),
                ("resumed", TensorsResumed == 0
                    ? null
                    : $"{Sizes.Count(TensorsResumed, "tensor")} of the interrupted run"),
                ("parameters", Sizes.FormatParameters(Parameters)),
                ("read", Sizes.Format(BytesRead)),
                ("written", $"{Sizes.Format(BytesWritten)} in {Sizes.Count(Files, "file")}"),
                ("time", $"{seconds} s on {Sizes.Count(Threads, "thread")}, {Sizes.Format(rate)}/s"),
                ("device", Device),
                .. Reports.Column("NaN/inf", NonFinite.Take(NonFiniteShown).Select(tensor =>
                    $"{tensor.Count} in {tensor.Tensor}")),
                ("", NonFinite.Count > NonFiniteShown ? $"and {NonFinite.Count - NonFiniteShown} more tensors" : null),
            ]);
    }
}
