using System.Globalization;
using Interfuse.Experts.Analysis;

namespace Interfuse.Cli;

/// <summary>What <c>interfuse analyze</c> found, as JSON and as tables.</summary>
internal sealed record AnalysisReport(
    string Recipe, string Base, IReadOnlyList<string> Experts, ComparisonReport All,
    IReadOnlyList<ComparisonReport> Modules, IReadOnlyList<ComparisonReport> Layers,
    IReadOnlyList<ComparisonReport> LayerModules, IReadOnlyList<ComparisonReport> Tensors,
    SizeCurve Curve, IReadOnlyList<string> Warnings, double Seconds, string Device)
{
    private const int NameLetters = 12;

    public static AnalysisReport Of(ModelAnalysis analysis, string recipe, TimeSpan elapsed, string device) => new(
        recipe,
        analysis.Base,
        analysis.Experts,
        ComparisonReport.Of(DeltaStatistics.Sum(analysis.Tensors.Select(tensor => tensor.Statistics))),
        [.. analysis.Modules.Select(module =>
            ComparisonReport.Of(analysis.Of(tensor => tensor.Module == module)!) with { Module = module })],
        [.. analysis.Layers.Where(layer => layer is not null).Select(layer =>
            ComparisonReport.Of(analysis.Of(tensor => tensor.Layer == layer)!) with { Layer = layer })],
        [.. analysis.Tensors.Select(tensor => (tensor.Layer, tensor.Module)).Distinct()
            .OrderBy(cell => cell.Layer).ThenBy(cell => analysis.Modules.ToList().IndexOf(cell.Module))
            .Select(cell => ComparisonReport.Of(
                analysis.Of(tensor => (tensor.Layer, tensor.Module) == cell)!) with { Layer = cell.Layer, Module = cell.Module })],
        [.. analysis.Tensors.Select(tensor => ComparisonReport.Of(tensor.Statistics) with
        {
            Name = tensor.Name, Layer = tensor.Layer, Module = tensor.Module,
        })],
        analysis.Curve,
        analysis.Warnings,
        elapsed.TotalSeconds,
        device);

    public string ToText()
    {
        string head = Reports.ToText(
            $"{Recipe}: {Sizes.Count(Experts.Count, "expert")} beside their base",
            [
                ("base", Base),
                ("experts", string.Join(", ", Experts)),
                ("parameters", Sizes.FormatParameters(All.Parameters)),
                ("time", $"{Seconds.ToString(Seconds < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture)} s on {Device}"),
            ]);
        return string.Join("\n\n", new[]
        {
            head,
            "Cosine: mean over the pairs of experts of the cosine of their task vectors. Conflict: of the parameters that two\n"
                + "experts or more changed, the share that one raised and another lowered. Last: norm of the task vector, in\n"
                + "percent of the base's norm.",
            Comparisons("module", Modules, comparison => comparison.Module!),
            Comparisons("layer", Layers, comparison => $"{comparison.Layer}"),
            CurveTable(),
            Sample(Curve),
        }.Where(part => part.Length > 0));
    }

    private string Comparisons(string title, IReadOnlyList<ComparisonReport> rows, Func<ComparisonReport, string> label) =>
        rows.Count == 0 ? "" : TextTable.Of(
            [title, "parameters", "cosine", "conflict", .. Experts.Select(name => Svg.Shorten(name, NameLetters))],
            rows.Select(row => (string[])
            [
                label(row),
                Sizes.FormatParameters(row.Parameters),
                Numbers.Signed(row.MeanCosine),
                Numbers.Percent(row.Conflict),
                .. row.RelativeNorms.Select(Numbers.Percent),
            ]));

    /// <summary>What a curve of a sample says of itself; nothing where it is of all channels.</summary>
    public static string Sample(SizeCurve curve) => curve.SampledChannels == curve.Channels ? "" : string.Create(
        CultureInfo.InvariantCulture,
        $"Bytes and energy kept were found with a sample: {curve.SampledChannels:N0} of {curve.Channels:N0} channels.");

    private string CurveTable() => Curve.Fixed.Count == 0 ? "" : TextTable.Of(
        ["projections", "allowed", "bytes", "energy kept"],
        Curve.Fixed.Select(point => Row($"K = {point.Groups}", point))
            .Concat(Curve.Budget.Select(point => Row("budget", point))));

    private static string[] Row(string label, CurvePoint point) =>
        [label, Numbers.Percent(point.Target), Numbers.Percent(point.Bytes), Numbers.Percent(point.Energy)];
}

/// <summary>How the experts compare in some tensors. What isn't a finite number is null.</summary>
internal sealed record ComparisonReport(
    string? Name, int? Layer, string? Module, long Parameters, IReadOnlyList<IReadOnlyList<double?>> Cosines,
    double? MeanCosine, double? Conflict, IReadOnlyList<double?> Norms, IReadOnlyList<double?> RelativeNorms)
{
    public static ComparisonReport Of(DeltaStatistics statistics)
    {
        int[] experts = [.. Enumerable.Range(0, statistics.Experts)];
        return new ComparisonReport(
            Name: null,
            Layer: null,
            Module: null,
            statistics.Parameters,
            [.. experts.Select(e => (double?[])[.. experts.Select(f => statistics.Cosine(e, f))])],
            statistics.MeanCosine(),
            statistics.Conflict,
            [.. experts.Select(statistics.Norm)],
            [.. experts.Select(statistics.RelativeNorm)]);
    }
}
