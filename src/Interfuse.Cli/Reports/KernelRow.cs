using System.Globalization;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Cli;

/// <summary>One operation at one size in a <see cref="KernelReport"/>.</summary>
internal sealed record KernelRow(
    string Operation, string Variant, long Elements, double Microseconds, double CopyMicroseconds,
    double BytesPerSecond, double CopyShare, double CopyShareMinimum, double CopyShareMaximum, double? Passes,
    long BytesRead, long BytesWritten, string Verified)
{
    public static readonly string Head =
        Line("operation", "variant", "elements", "us", "GB/s", "% of copy", "passes", "verified")
        + '\n'
        + Line("---", "---", "---:", "---:", "---:", "---:", "---:", "---");

    public static KernelRow Of(KernelMeasurement measurement)
    {
        KernelTimes times = measurement.Times;
        return new KernelRow(
            measurement.Operation,
            measurement.Variant,
            measurement.Elements,
            times.Seconds * 1e6,
            times.CopySeconds * 1e6,
            measurement.BytesPerSecond,
            times.CopyShare,
            times.CopyShareMinimum,
            times.CopyShareMaximum,
            // Only an operation that may read its inputs more than once has passes.
            measurement.Operation == "find-threshold" ? measurement.Passes : null,
            measurement.BytesRead,
            measurement.BytesWritten,
            measurement.Verified);
    }

    public string ToText() => Line(
        Operation,
        Variant,
        Sizes.FormatCount(Elements),
        Digits(Microseconds),
        Digits(BytesPerSecond / 1e9),
        Digits(100 * CopyShare),
        Passes is { } passes ? Digits(passes) : "",
        Verified);

    private static string Line(
        string operation, string variant, string elements, string time, string rate, string share, string passes,
        string verified) =>
        $"| {operation,-18} | {variant,-28} | {elements,8} | {time,9} | {rate,7} "
        + $"| {share,9} | {passes,6} | {verified,-8} |";

    // Three digits, or all that a large number has before the point.
    private static string Digits(double value) => value.ToString(
        value >= 99.95 ? "0" : value >= 9.995 ? "0.0" : "0.00", CultureInfo.InvariantCulture);
}
