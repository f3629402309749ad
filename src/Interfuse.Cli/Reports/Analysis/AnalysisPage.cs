using System.Globalization;
using System.Text;
using Interfuse.Experts.Analysis;

namespace Interfuse.Cli;

/// <summary>The analysis as one page that needs nothing but itself: no scripts, no network.</summary>
internal sealed class AnalysisPage(ModelAnalysis analysis, string recipe)
{
    private const int MostNumberedExperts = 6;

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
            tiles.Select(tile => $"<div><strong>{Svg.Escape(tile.Value)}</strong><span>{Svg.Escape(tile.Caption)}</span></div>"),
            "</div>");
    }

    private CurvePoint BudgetAt(CurvePoint point) => analysis.Curve.Budget.MinBy(other => Math.Abs(other.Target - point.Target))!;

    private string Curve() => analysis.Curve.Fixed.Count == 0 ? "" : Section(
        "What a pack of a given size keeps",
        $"Channel Merging lets experts share rows of the layers' linear projections, which take "
        + $"{Sizes.Format(analysis.Curve.EnsembleBytes)} for all experts. Kept energy is the share of the task vectors' squared norms "
        + "that survives. The line spends a budget where it keeps most; the rings give every channel the same number of "
        + "groups K.",
        $"<figure class=\"wide\">{CurveChart.ToElement(analysis.Curve)}</figure>",
        "<p class=\"legend\"><span><i class=\"line\"></i>budget</span><span><i class=\"ring\"></i>fixed K</span></p>");

    private string Cosines()
    {
        bool numbered = analysis.Experts.Count <= MostNumberedExperts;
        double cell = numbered ? 44 : 18;
        IEnumerable<string> maps = analysis.Modules.Select(module =>
        {
            DeltaStatistics statistics = analysis.Of(tensor => tensor.Module == module)!;
            var map = new HeatMap(
                analysis.Experts, analysis.Experts, (e, f) => e == f ? null : statistics.Cosine(e, f), Numbers.Signed, cell, numbered ? 30 : 18);
            return $"<figure><figcaption>{Svg.Escape(module)}</figcaption>"
                + $"{map.ToElement($"Cosine similarity of the experts in {module}")}</figure>";
        });
        return Section(
            "Do the experts pull in the same direction?",
            "Cosine of the angle between two experts' task vectors, by module: +1 is the same direction, 0 none in common, -1 "
            + "opposite.",
            Join("<div class=\"maps\">", maps, "</div>"),
            Scale("-1", "0", "+1", diverging: true));
    }

    private string ByLayer()
    {
        string[] layers = [.. analysis.Layers.Select(layer => layer is { } number ? $"layer {number}" : "outside")];
        HeatMap Map(Func<DeltaStatistics, double?> value, Func<double?, string> format) => new(
            layers,
            analysis.Modules,
            (row, column) => analysis.Of(tensor =>
                tensor.Layer == analysis.Layers[row] && tensor.Module == analysis.Modules[column]) is { } cell ? value(cell) : null,
            format,
            52,
            layers.Length > 40 ? 15 : 24);
        string random = Numbers.Percent(1 - Math.Pow(2, 1 - analysis.Experts.Count));
        return Section(
            "Where do they conflict?",
            "Sign conflict: of the parameters that at least two experts changed, the share that one raised and another lowered. "
            + $"If all {analysis.Experts.Count} experts changed every parameter at random it would be {random}.",
            $"<figure>{Map(cell => cell.Conflict, Numbers.Percent).ToElement("Sign conflict by layer and module")}</figure>",
            Scale("0 %", "", "100 %", diverging: false))
            + Section(
                "Where are they alike?",
                "Cosine of two experts' task vectors, mean over all pairs, by layer and module.",
                $"<figure>{Map(cell => cell.MeanCosine(), Numbers.Signed).ToElement("Mean cosine by layer and module")}</figure>",
                Scale("-1", "0", "+1", diverging: true));
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

    private static string Scale(string low, string middle, string high, bool diverging) =>
        $"<p class=\"scale\"><span>{low}</span><i class=\"{(diverging ? "diverging" : "rising")}\"></i><span>{high}</span>"
        + (middle.Length > 0 ? $"<em>middle: {middle}</em>" : "") + "</p>";

    private static string Section(string title, string text, string picture, string legend) => string.Create(
        CultureInfo.InvariantCulture,
        $"<section>\n<h2>{Svg.Escape(title)}</h2>\n<p>{Svg.Escape(text)}</p>\n{picture}\n{legend}\n</section>\n");

    private static string Join(string begin, IEnumerable<string> parts, string end) =>
        new StringBuilder(begin).AppendJoin('\n', parts).Append(end).ToString();
}
