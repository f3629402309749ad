using Interfuse.Experts.Analysis;

namespace Interfuse.Cli;

/// <summary>Bars of the experts' delta norms, relative to the base's, module by module.</summary>
internal static class NormBars
{
    private const double Left = 110;
    private const double Plot = 900;
    private const double Bar = 13;
    private const double Between = 10;
    private const double Top = 8;
    private const double Bottom = 40;
    private const int Colours = 8;

    /// <summary>The class of an expert's colour.</summary>
    public static string Colour(int expert) => $"e{expert % Colours}";

    public static string ToElement(ModelAnalysis analysis)
    {
        (string Module, DeltaStatistics Statistics)[] groups = [.. analysis.Modules.Select(module =>
            (module, analysis.Of(tensor => tensor.Module == module)!))];
        int experts = analysis.Experts.Count;
        double most = groups.Max(group => Enumerable.Range(0, experts).Max(e => group.Statistics.RelativeNorm(e) ?? 0));
        double step = Axis.Step(most, ticks: 5);
        double end = Math.Max(step, Math.Ceiling(most / step) * step);
        double groupHeight = (experts * Bar) + Between;
        double bottom = Top + (groups.Length * groupHeight);
        var svg = new Svg(Left + Plot + 70, bottom + Bottom);
        for (double tick = 0; tick <= end * 1.0001; tick += step)
        {
            double x = Left + (Plot * tick / end);
            svg.Line(x, Top, x, bottom, "grid").Text(x, bottom + 16, Axis.Percent(tick, step), "label middle");
        }

        svg.Text(Left + (Plot / 2), bottom + 34, "norm of the task vector / norm of the base", "axis middle");
        for (int group = 0; group < groups.Length; group++)
        {
            double y = Top + (group * groupHeight) + (Between / 2);
            string name = Svg.Shorten(groups[group].Module, 15);
            svg.Text(Left - 8, y + (experts * Bar / 2) + 4, name, "label end", groups[group].Module);
            for (int expert = 0; expert < experts; expert++)
            {
                double? norm = groups[group].Statistics.RelativeNorm(expert);
                string text = Numbers.Percent(norm);
                double width = Plot * (norm ?? 0) / end;
                string title = $"{groups[group].Module}, {analysis.Experts[expert]}: {text}";
                svg.Rect(Left, y + (expert * Bar), width, Bar - 1, Colour(expert), title: title);
                svg.Text(Left + width + 5, y + (expert * Bar) + 10, text, "small");
            }
        }

        return svg.ToElement("Norms of the task vectors by module and expert");
    }
}
