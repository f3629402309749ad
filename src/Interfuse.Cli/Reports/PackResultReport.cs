using System.Globalization;
using Interfuse.Experts;
using Interfuse.Experts.Encoders;
using Interfuse.Merging.Execution;

namespace Interfuse.Cli;

/// <summary>What making an expert pack did.</summary>
internal sealed record PackResultReport(
    string Method, IReadOnlyList<string> Experts, string Target, int Tensors, int TensorsResumed, long Parameters,
    long TensorBytes, long EnsembleBytes, double? EnergyKept, long BytesRead, long BytesWritten, double Seconds,
    int Threads, string Device, IReadOnlyList<PackLayerSummary> Layers, IReadOnlyList<NonFiniteTensor> NonFinite,
    IReadOnlyList<string> Warnings)
{
    // As many tensors with NaN as fit on a screen; --json has all.
    private const int NonFiniteShown = 10;

    public static PackResultReport Of(PackPlan plan, MergeProgress progress, EncodingReport report) => new(
        plan.Recipe.MergeMethod,
        plan.Experts,
        report.Target,
        plan.TensorCount,
        report.TensorsResumed,
        plan.ParameterCount,
        report.TensorBytes,
        report.Manifest.EnsembleBytes,
        Kept(report.Manifest),
        progress.BytesRead,
        progress.BytesWritten,
        report.Elapsed.TotalSeconds,
        report.Threads,
        report.Device,
        PackLayerSummary.Of(report.Manifest, report.BytesByTensor),
        report.NonFinite,
        plan.Warnings);

    public string ToText()
    {
        double rate = (BytesRead + BytesWritten) / Math.Max(Seconds, 1e-9);
        string seconds = Seconds.ToString(Seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);
        string result = Reports.ToText(
            $"Packed {Sizes.Count(Experts.Count, "expert")} by {Method} into {Target}",
            [
                .. Reports.Column("experts", Experts),
                ("tensors", $"{Tensors}"),
                ("resumed", TensorsResumed == 0
                    ? null
                    : $"{Sizes.Count(TensorsResumed, "tensor")} of the interrupted run"),
                ("parameters", $"{Sizes.FormatParameters(Parameters)} each"),
                ("size", $"{Sizes.Format(TensorBytes)}, {Percent((double)TensorBytes / EnsembleBytes)} of the experts' {Sizes.Format(EnsembleBytes)}"),
                ("energy", EnergyKept is { } kept ? $"{Percent(kept)} of the experts' delta energy kept" : null),
                ("read", Sizes.Format(BytesRead)),
                ("written", Sizes.Format(BytesWritten)),
                ("time", $"{seconds} s on {Sizes.Count(Threads, "thread")}, {Sizes.Format(rate)}/s"),
                ("device", Device),
                .. Reports.Column("NaN/inf", NonFinite.Take(NonFiniteShown).Select(tensor =>
                    $"{tensor.Count} in {tensor.Tensor}")),
                ("", NonFinite.Count > NonFiniteShown ? $"and {NonFinite.Count - NonFiniteShown} more tensors" : null),
            ]);
        return string.Join("\n\n", [result, .. LayerTable.Of(Layers)]);
    }

    private static double? Kept(PackManifest manifest)
    {
        double total = manifest.Tensors.Sum(tensor => tensor.DeltaEnergy?.Sum() ?? 0);
        double lost = manifest.Tensors.Sum(tensor => tensor.LostEnergy?.Sum() ?? 0);
        return total > 0 ? 1 - (lost / total) : null;
    }

    private static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %";
}
