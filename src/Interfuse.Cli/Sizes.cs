using System.CommandLine.Parsing;
using System.Globalization;

namespace Interfuse.Cli;

/// <summary>Sizes in bytes as people write and read them.</summary>
internal static class Sizes
{
    private static readonly (string Suffix, long Factor)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("B", 1), ("", 1),
    ];

    /// <summary>Reads <c>512MiB</c>, <c>4 GB</c> or <c>1000000</c>; decimal without the i, binary with it.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        foreach ((string suffix, long factor) in Units)
        {
            if (text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase))
            {
                bool isNumber = decimal.TryParse(
                    text[..^suffix.Length].Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number);
                bool fits = isNumber && number > 0 && number < long.MaxValue / factor;
                bytes = fits ? (long)(number * factor) : 0;
                return fits;
            }
        }

        return false;
    }

    /// <summary>Reads the value of an option, with an error that shows how to write one.</summary>
    public static long Parse(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!TryParse(text, out long bytes))
        {
            result.AddError($"'{text}' isn't a size; write for example 512MiB, 4GiB or 5GB");
        }

        return bytes;
    }

    /// <summary>Writes a size with three digits and a decimal unit: <c>2.21 GB</c>.</summary>
    public static string Format(double bytes) => Scaled(bytes, ["B", "kB", "MB", "GB", "TB", "PB"]);

    /// <summary>Writes a count with three digits: <c>1.05 M</c>.</summary>
    public static string Count(double count) => Scaled(count, ["", "k", "M", "G", "T"]).TrimEnd();

    private static string Scaled(double value, string[] units)
    {
        int unit = 0;
        while (value >= 999.5 && unit < units.Length - 1)
        {
            value /= 1000;
            unit++;
        }

        string format = unit == 0 || value >= 99.95 ? "0" : value >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {units[unit]}";
    }
}
