using System.Globalization;

namespace Interfuse.Cli;

/// <summary>Sizes in bytes, and counts, as people write and read them.</summary>
internal static class Sizes
{
    // No "B" alone: mergekit's "5B" means five billion parameters.
    private static readonly (string Suffix, long Factor)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000), ("", 1),
    ];

    private static readonly string[] BinaryUnits = ["Ki", "Mi", "Gi"];

    /// <summary>
    /// Reads <c>512MiB</c>, <c>4 GB</c> or <c>1000000</c>: decimal without the i, binary with it, one byte at least.
    /// </summary>
    public static bool TryParse(string text, out long bytes)
    {
        (string suffix, long factor) =
            Array.Find(Units, unit => text.EndsWith(unit.Suffix, StringComparison.OrdinalIgnoreCase));
        bool isNumber = decimal.TryParse(
            text[..^suffix.Length].TrimEnd(' '),
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out decimal number);
        bool fits = isNumber && number < long.MaxValue / factor;
        bytes = fits ? (long)(number * factor) : 0;
        return bytes > 0;
    }

    /// <summary>Writes a size on a disk with three digits and a decimal unit: <c>2.21 GB</c>.</summary>
    public static string Format(double bytes) => Scaled(bytes, 1000, ["B", "kB", "MB", "GB", "TB", "PB"]);

    /// <summary>Writes a size in memory with three digits and a binary unit: <c>4.00 GiB</c>.</summary>
    public static string FormatMemory(double bytes) => Scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);

    /// <summary>Writes a count of parameters with three digits: <c>1.10 B</c> are 1.10 billion.</summary>
    public static string FormatParameters(double count) => Scaled(count, 1000, ["", "K", "M", "B", "T"]).TrimEnd();

    /// <summary>Writes <c>1 tensor</c>, <c>2 tensors</c>.</summary>
    public static string Count(long count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    /// <summary>Reads a count: <c>1000</c>, <c>64Ki</c> or <c>256Mi</c>, one at least.</summary>
    public static bool TryParseCount(string text, out long count)
    {
        int unit = Array.FindIndex(BinaryUnits, suffix => text.EndsWith(suffix, StringComparison.Ordinal));
        string number = unit < 0 ? text : text[..^BinaryUnits[unit].Length];
        int shift = 10 * (unit + 1);
        bool isNumber = long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long value);
        bool fits = isNumber && value <= long.MaxValue >> shift;
        count = fits ? value << shift : 0;
        return count > 0;
    }

    /// <summary>Writes a count as <see cref="TryParseCount"/> reads it: <c>64Ki</c>, or its digits.</summary>
    public static string FormatCount(long count)
    {
        int unit = -1;
        while (unit < BinaryUnits.Length - 1 && count % 1024 == 0 && count > 0)
        {
            count /= 1024;
            unit++;
        }

        return $"{count}{(unit < 0 ? "" : BinaryUnits[unit])}";
    }

    private static string Scaled(double value, int step, string[] units)
    {
        int unit = 0;
        while (value >= step - 0.5 && unit < units.Length - 1)
        {
            value /= step;
            unit++;
        }

        string format = unit == 0 || value >= 99.95 ? "0" : value >= 9.995 ? "0.0" : "0.00";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {units[unit]}";
    }
}
