using System.Globalization;
using System.Net;
using System.Text;

namespace Interfuse.Cli;

/// <summary>Builds one inline picture. Everything it is given as text is escaped.</summary>
internal sealed class Svg(double width, double height)
{
    // A sans-serif letter of 12 pixels is about so wide, or less.
    private const double LetterWidth = 7.2;

    private readonly StringBuilder _body = new();

    /// <summary>About how wide a label is.</summary>
    public static double WidthOf(string text) => LetterWidth * text.Length;

    /// <summary>A label of so many letters at most; <see cref="Text"/> shows the whole one when pointed at.</summary>
    public static string Shorten(string text, int letters) =>
        text.Length <= letters ? text : string.Concat(text.AsSpan(0, letters - 1), "…");

    /// <summary>Text from a file or a recipe, safe in HTML: no markup, no control characters.</summary>
    public static string Escape(string text) => WebUtility.HtmlEncode(Messages.OneLine(text));

    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public Svg Text(double x, double y, string text, string css, string? whole = null)
    {
        string title = whole is null || whole == text ? "" : $"<title>{Escape(whole)}</title>";
        _body.Append(CultureInfo.InvariantCulture, $"<text x=\"{Number(x)}\" y=\"{Number(y)}\" class=\"{css}\">{title}{Escape(text)}</text>");
        return this;
    }

    /// <summary>A label that rises to the right.</summary>
    public Svg Slanted(double x, double y, string text, string whole)
    {
        _body.Append(
            CultureInfo.InvariantCulture,
            $"<text x=\"{Number(x)}\" y=\"{Number(y)}\" transform=\"rotate(-38 {Number(x)} {Number(y)})\" class=\"label\">");
        _body.Append(whole == text ? "" : $"<title>{Escape(whole)}</title>").Append(Escape(text)).Append("</text>");
        return this;
    }

    public Svg Rect(double x, double y, double w, double h, string css, string? style = null, string? title = null)
    {
        string look = style is null ? "" : $" style=\"{style}\"";
        _body.Append(
            CultureInfo.InvariantCulture,
            $"<rect x=\"{Number(x)}\" y=\"{Number(y)}\" width=\"{Number(Math.Max(0, w))}\" height=\"{Number(h)}\" class=\"{css}\"{look}>");
        _body.Append(title is null ? "</rect>" : $"<title>{Escape(title)}</title></rect>");
        return this;
    }

    public Svg Line(double x1, double y1, double x2, double y2, string css)
    {
        _body.Append(
            CultureInfo.InvariantCulture,
            $"<line x1=\"{Number(x1)}\" y1=\"{Number(y1)}\" x2=\"{Number(x2)}\" y2=\"{Number(y2)}\" class=\"{css}\"/>");
        return this;
    }

    public Svg Polyline(IEnumerable<(double X, double Y)> points, string css)
    {
        string path = string.Join(' ', points.Select(point => $"{Number(point.X)},{Number(point.Y)}"));
        _body.Append(CultureInfo.InvariantCulture, $"<polyline points=\"{path}\" class=\"{css}\"/>");
        return this;
    }

    public Svg Dot(double x, double y, double radius, string css, string title)
    {
        _body.Append(
            CultureInfo.InvariantCulture,
            $"<circle cx=\"{Number(x)}\" cy=\"{Number(y)}\" r=\"{Number(radius)}\" class=\"{css}\"><title>{Escape(title)}</title></circle>");
        return this;
    }

    /// <summary>The picture as an element of a page, never wider than its place.</summary>
    public string ToElement(string label) => string.Create(
        CultureInfo.InvariantCulture,
        $"<svg viewBox=\"0 0 {Number(width)} {Number(height)}\" width=\"{Number(width)}\" height=\"{Number(height)}\" role=\"img\" "
        + $"aria-label=\"{Escape(label)}\">{_body}</svg>");
}
