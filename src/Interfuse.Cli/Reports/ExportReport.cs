using System.Globalization;
using Interfuse.Experts;

namespace Interfuse.Cli;

/// <summary>What an export did.</summary>
internal sealed record ExportReport(
    string Pack, string? Expert, string? Mixture, string Target, int Tensors, long Bytes, int Files, IReadOnlyList<string> SideFiles,
    double Seconds)
{
    public static ExportReport Of(ExpertPack pack, ExpertMix mix, PackExportResult result, TimeSpan elapsed) => new(
        pack.Path,
        MixName.Expert(mix, pack.Experts),
        MixName.Mixture(mix, pack.Experts),
        result.Target,
        result.Tensors,
        result.Bytes,
        result.Files,
        result.SideFiles,
        elapsed.TotalSeconds);

    public string ToText() => Reports.ToText(
        $"Exported {Expert ?? Mixture} into {Target}",
        ("tensors", $"{Tensors}"),
        ("written", $"{Sizes.Format(Bytes)} in {Sizes.Count(Files, "file")}"),
        ("beside them", SideFiles.Count == 0 ? null : string.Join(", ", SideFiles)),
        ("time", string.Create(
            CultureInfo.InvariantCulture, $"{Seconds:0.00} s, {Sizes.Format(Bytes / Math.Max(Seconds, 1e-9))}/s")));
}
