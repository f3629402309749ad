namespace Interfuse.Cli;

/// <summary>A table whose cells are colours, with the number in each where there is room.</summary>
/// <param name="Rows">The labels beside the rows.</param>
/// <param name="Columns">The labels above the columns.</param>
/// <param name="Value">The value of a row and column, or null where there is nothing to show.</param>
/// <param name="Scale">Which colour a value has.</param>
/// <param name="Format">How a value is written.</param>
/// <param name="CellWidth">The width of a cell.</param>
/// <param name="CellHeight">The height of a cell.</param>
internal sealed record HeatMap(
    IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, Func<int, int, double?> Value, ColourScale Scale,
    Func<double?, string> Format, double CellWidth, double CellHeight)
{
    private const int LabelLetters = 18;
    private const double Gap = 8;

    // Labels that are wider than their column stand aslant; so much of their length they are high.
    private const double Slant = 0.62;

    public string ToElement(string label)
    {
        string[] rows = [.. Rows.Select(row => Svg.Shorten(row, LabelLetters))];
        string[] columns = [.. Columns.Select(column => Svg.Shorten(column, LabelLetters))];
        double widest = columns.Max(Svg.WidthOf);
        bool aslant = widest > CellWidth + 2;
        double left = rows.Max(Svg.WidthOf) + Gap;
        double top = aslant ? (widest * Slant) + 14 : 18;
        double right = aslant ? widest * Slant : Gap;
        var svg = new Svg(left + (columns.Length * CellWidth) + right, top + (rows.Length * CellHeight) + 2);
        for (int column = 0; column < columns.Length; column++)
        {
            double x = left + ((column + 0.5) * CellWidth);
            if (aslant)
            {
                svg.Slanted(x - 2, top - 6, columns[column], Columns[column]);
            }
            else
            {
                svg.Text(x, top - 6, columns[column], "label middle", Columns[column]);
            }
        }

        for (int row = 0; row < rows.Length; row++)
        {
            double y = top + (row * CellHeight);
            svg.Text(left - Gap, y + (CellHeight / 2) + 4, rows[row], "label end", Rows[row]);
            for (int column = 0; column < columns.Length; column++)
            {
                DrawCell(svg, row, column, left + (column * CellWidth), y);
            }
        }

        return svg.ToElement(label);
    }

    private void DrawCell(Svg svg, int row, int column, double x, double y)
    {
        double? value = Value(row, column);
        string text = Format(value);
        string title = $"{Rows[row]}, {Columns[column]}: {text}";
        string css = value is null ? "cell none" : "cell";
        svg.Rect(x + 0.5, y + 0.5, CellWidth - 1, CellHeight - 1, css, value is { } v ? Scale.Fill(v) : null, title);
        if (value is not null && Svg.WidthOf(text) <= CellWidth + 4 && CellHeight >= 14)
        {
            string contrast = Math.Abs(Scale.Tone(value.Value)) > 0.75 ? "inside strong" : "inside";
            svg.Text(x + (CellWidth / 2), y + (CellHeight / 2) + 4, text, contrast);
        }
    }
}
