using System.Globalization;
using System.Text;
using Interfuse.Experts.Analysis;

namespace Interfuse.Cli;

/// <summary>The analysis as one page that needs nothing but itself: no scripts, no network.</summary>
internal sealed class AnalysisPage(ModelAnalysis analysis, string recipe)
{
    private const int MostLargeExperts = 6;
    private const double PictureWidth = 1000;

    private readonly DeltaStatistics _all = DeltaStatistics.Sum(analysis.Tensors.Select(tensor => tensor.Statistics));

    /// <summary>The page, also well-formed XML.</summary>
    public string ToHtml() => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>Interfuse: {Svg.Escape(recipe)}</title>
        <style>
        {AnalysisStyle.Css}
        </style>
        </head>
        <body>
        <header>
        <h1>How {analysis.Experts.Count} experts differ</h1>
        <p>Recipe <b>{Svg.Escape(recipe)}</b>, base <b>{Svg.Escape(analysis.Base)}</b>. A task vector is an expert's weights minus the base's.</p>
        {Legend()}
        {Tiles()}
        </header>
        {Curve()}
        {Cosines()}
        {ByLayer()}
        {Norms()}
        {Warnings()}
        <footer>Made by interfuse analyze from {Sizes.FormatParameters(_all.Parameters)} parameters in {analysis.Tensors.Count} tensors per model.</footer>
        </body>
        </html>

        """.ReplaceLineEndings("\n");

    private string Legend() => Join("<p class=\"legend\">", analysis.Experts.Select((name, expert) =>
        $"<span><i class=\"{NormBars.Colour(expert)}\"></i>{Svg.Escape(name)}</span>"), "</p>");

    private string Tiles()
    {
        (string Value, string Caption)[] tiles =
        [
            (Numbers.Signed(_all.MeanCosine()), "mean cosine between two experts' task vectors"),
            (Numbers.Percent(_all.Conflict), "of the parameters changed twice or more are pulled both ways"),
            (Sizes.FormatParameters(_all.Parameters), "parameters compared per model"),
            .. analysis.Curve.Fixed.Where(point => point.Groups == (analysis.Experts.Count + 1) / 2).Select(point => (
                Numbers.Percent(BudgetAt(point).Energy),
                $"of the delta energy is kept at {Numbers.Percent(point.Bytes)} of the projections' bytes")),
        ];
        return Join(
            "<div class=\"tiles\">",
            tiles.Select(tile => $"<div><strong>{Svg.Escape(tile.Value)}</strong><span>{Prose(tile.Caption)}</span></div>"),
            "</div>");
    }

    private CurvePoint BudgetAt(CurvePoint point) => analysis.Curve.Budget.MinBy(other => Math.Abs(other.Target - point.Target))!;

    private string Curve() => analysis.Curve.Fixed.Count == 0 ? "" : Section(
        "What a pack of a given size keeps",
        $"Channel Merging lets experts share rows of the layers' linear projections, which take "
        + $"{Sizes.Format(analysis.Curve.EnsembleBytes)} for all experts. Kept energy is the share of the task vectors' squared norms "
        + "that survives, the mean of the experts' own. The line spends a budget where it keeps most; the rings give every channel the same number of "
        + $"groups K. {AnalysisReport.Sample(analysis.Curve)}",
        $"<figure class=\"wide\">{CurveChart.ToElement(analysis.Curve)}</figure>",
        "<p class=\"legend\"><span><i class=\"line\"></i>budget</span><span><i class=\"ring\"></i>fixed K</span></p>");

    private string Cosines()
    {
        int experts = analysis.Experts.Count;
        bool large = experts <= MostLargeExperts;
        (string Module, DeltaStatistics Statistics)[] modules = [.. analysis.Modules.Select(module =>
            (module, analysis.Of(tensor => tensor.Module == module)!))];
        var pairs = Enumerable.Range(0, experts * experts).Where(pair => pair / experts != pair % experts).ToList();
        var scale = ColourScale.ForCosines(modules.SelectMany(module =>
            pairs.Select(pair => module.Statistics.Cosine(pair / experts, pair % experts))));
        IEnumerable<string> maps = modules.Select(module =>
        {
            var map = new HeatMap(
                large ? analysis.Experts : [.. analysis.Experts.Select((name, expert) => $"{expert + 1} {name}")],
                large ? analysis.Experts : [.. Enumerable.Range(1, experts).Select(expert => $"{expert}")],
                (e, f) => e == f ? null : module.Statistics.Cosine(e, f),
                scale,
                Numbers.Signed,
                large ? 52 : 17,
                large ? 32 : 17);
            return $"<figure><figcaption>{Svg.Escape(module.Module)}</figcaption>"
                + $"{map.ToElement($"Cosine similarity of the experts in {module.Module}")}</figure>";
        });
        return Section(
            "Do the experts pull in the same direction?",
            "Cosine of the angle between two experts' task vectors, by module: +1 is the same direction, 0 none in common, -1 "
            + "opposite.",
            Join("<div class=\"maps\">", maps, "</div>"),
            scale.ToElement(Numbers.Signed));
    }

    private string ByLayer()
    {
        string random = Numbers.Percent(1 - Math.Pow(2, 1 - analysis.Experts.Count));
        return LayerSection(
            "Where do they conflict?",
            "Sign conflict: of the parameters that at least two experts changed, the share that one raised and another lowered. "
            + $"If all {analysis.Experts.Count} experts changed every parameter at random it would be {random}.",
            cell => cell.Conflict,
            ColourScale.ForShares,
            Numbers.Percent)
            + LayerSection(
                "Where are they alike?",
                "Cosine of two experts' task vectors, mean over all pairs, by layer and module.",
                cell => cell.MeanCosine(),
                ColourScale.ForCosines,
                Numbers.Signed);
    }

    private string LayerSection(
        string title,
        string text,
        Func<DeltaStatistics, double?> value,
        Func<IEnumerable<double?>, ColourScale> scaleOf,
        Func<double?, string> format)
    {
        IReadOnlyList<int?> layers = analysis.Layers;
        IReadOnlyList<string> modules = analysis.Modules;
        double?[][] cells = [.. layers.Select(layer => modules.Select(module => analysis.Of(tensor =>
            tensor.Layer == layer && tensor.Module == module) is { } cell ? value(cell) : null).ToArray())];
        ColourScale scale = scaleOf(cells.SelectMany(row => row));
        var map = new HeatMap(
            [.. layers.Select(layer => layer is { } number ? $"layer {number}" : "outside")],
            modules,
            (row, column) => cells[row][column],
            scale,
            format,
            Math.Clamp(PictureWidth / modules.Count, 30, 98),
            layers.Count > 20 ? 18 : 26);
        return Section(title, text, $"<figure>{map.ToElement(title)}</figure>", scale.ToElement(format));
    }

    private string Norms() => Section(
        "How far did they move?",
        "Norm of an expert's task vector in percent of the norm of the base's weights, by module.",
        $"<figure class=\"wide\">{NormBars.ToElement(analysis)}</figure>",
        Legend());

    private string Warnings() => analysis.Warnings.Count == 0 ? "" : Section(
        "What was left out",
        "",
        Join("<ul>", analysis.Warnings.Select(warning => $"<li>{Svg.Escape(warning)}</li>"), "</ul>"),
        "");

    private static string Section(string title, string text, string picture, string legend) => string.Create(
        CultureInfo.InvariantCulture,
        $"<section>\n<h2>{Svg.Escape(title)}</h2>\n<p>{Prose(text)}</p>\n{picture}\n{legend}\n</section>\n");

    // A number stays on the line of its unit.
    private static string Prose(string text) => Svg.Escape(text.Replace(" %", "\u00a0%", StringComparison.Ordinal));

    private static string Join(string begin, IEnumerable<string> parts, string end) =>
        new StringBuilder(begin).AppendJoin('\n', parts).Append(end).ToString();
}
