using Interfuse.Experts.Analysis;

namespace Interfuse.Cli;

/// <summary>The size/energy curve: the budget as a line, the fixed numbers of groups as points.</summary>
internal static class CurveChart
{
    private const double Left = 64;
    private const double Top = 16;
    private const double Width = 980;
    private const double Height = 380;

    // With more points there is only room for their numbers.
    private const int MostNamed = 8;

    public static string ToElement(SizeCurve curve)
    {
        CurvePoint[] points = [.. curve.Fixed, .. curve.Budget];
        double least = points.Min(point => point.Energy);
        double step = Axis.Step(1 - least, ticks: 6);
        double bottom = Math.Max(0, Math.Floor((least - 1e-9) / step) * step);
        double X(double bytes) => Left + (Width * bytes);
        double Y(double energy) => Top + (Height * (1 - energy) / Math.Max(1 - bottom, step));
        var svg = new Svg(Left + Width + 40, Top + Height + 52);
        for (int tick = 0; tick <= 10; tick++)
        {
            double x = X(tick / 10.0);
            svg.Line(x, Top, x, Top + Height, "grid").Text(x, Top + Height + 18, $"{tick * 10} %", "label middle");
        }

        for (double tick = 1; tick >= bottom - (step / 2); tick -= step)
        {
            svg.Line(Left, Y(tick), Left + Width, Y(tick), "grid")
                .Text(Left - 8, Y(tick) + 4, Axis.Percent(tick, step), "label end");
        }

        svg.Text(Left + (Width / 2), Top + Height + 42, "bytes of the pack's projections / bytes of all experts' projections", "axis middle");
        svg.Polyline(curve.Budget.Select(point => (X(point.Bytes), Y(point.Energy))), "curve");
        foreach (CurvePoint point in curve.Budget)
        {
            svg.Dot(X(point.Bytes), Y(point.Energy), 3.5, "budget", $"budget {Describe(point)}");
        }

        foreach (CurvePoint point in curve.Fixed)
        {
            svg.Dot(X(point.Bytes), Y(point.Energy), 7, "fixed", $"K = {point.Groups}, {Describe(point)}");
            double y = Math.Min(Y(point.Energy) + 24, Top + Height - 6);
            string text = curve.Fixed.Count <= MostNamed ? $"K = {point.Groups}" : $"{point.Groups}";
            svg.Text(X(point.Bytes) + (point.Bytes > 0.97 ? -10 : 10), y, text, point.Bytes > 0.97 ? "mark end" : "mark");
        }

        return svg.ToElement("Share of the delta energy kept by share of the bytes");
    }

    private static string Describe(CurvePoint point) =>
        $"{Numbers.Percent(point.Target)}: {Numbers.Percent(point.Bytes)} of the bytes, {Numbers.Percent(point.Energy)} of the energy";
}
