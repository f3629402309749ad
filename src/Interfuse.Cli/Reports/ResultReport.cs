using System.Globalization;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;

namespace Interfuse.Cli;

/// <summary>What a merge did.</summary>
internal sealed record ResultReport(
    string Method, int Models, string Target, int Tensors, int TensorsResumed, long Parameters, long BytesRead, long BytesWritten,
    int Files, double Seconds, int Threads, IReadOnlyList<NonFiniteTensor> NonFinite, IReadOnlyList<string> Warnings)
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
        progress.BytesRead,
        progress.BytesWritten,
        plan.Layout.Shards.Count,
        report.Elapsed.TotalSeconds,
        report.Threads,
        report.NonFinite,
        plan.Warnings);

    public string ToText()
    {
        double rate = (BytesRead + BytesWritten) / Math.Max(Seconds, 1e-9);
        string seconds = Seconds.ToString(Seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);
        return Reports.ToText(
            $"Merged {Models} models by {Method} into {Target}",
            [
                ("tensors", TensorsResumed == 0 ? $"{Tensors}" : $"{Tensors}, {TensorsResumed} of them from the interrupted run"),
                ("parameters", Sizes.Count(Parameters)),
                ("read", Sizes.Format(BytesRead)),
                ("written", $"{Sizes.Format(BytesWritten)} in {Files} {(Files == 1 ? "file" : "files")}"),
                ("time", $"{seconds} s on {Threads} {(Threads == 1 ? "thread" : "threads")}, {Sizes.Format(rate)}/s"),
                .. NonFinite.Take(NonFiniteShown).Select((tensor, index) =>
                    (index == 0 ? "NaN/inf" : "", (string?)$"{tensor.Count} in {tensor.Tensor}")),
                ("", NonFinite.Count > NonFiniteShown ? $"and {NonFinite.Count - NonFiniteShown} more tensors" : null),
            ]);
    }
}
