namespace Interfuse.Cli;

/// <summary>Columns for a terminal: the first to the left, the others to the right.</summary>
internal static class TextTable
{
    public static string Of(string[] head, IEnumerable<string[]> rows)
    {
        string[][] lines = [.. rows.Prepend(head).Select(row => row.Select(Messages.OneLine).ToArray())];
        int[] widths = [.. head.Select((_, column) => lines.Max(line => line[column].Length))];
        return string.Join('\n', lines.Select(line => "  " + string.Join("  ", line.Select(
            (cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd()));
    }
}
