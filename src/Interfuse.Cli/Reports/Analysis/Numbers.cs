using System.Globalization;

namespace Interfuse.Cli;

/// <summary>Shares and cosines as people read them; what is no number is a dash.</summary>
internal static class Numbers
{
    private const string None = "–";

    /// <summary><c>12.3 %</c>, with a digit more below one percent.</summary>
    public static string Percent(double? share) => share is { } value
        ? (100 * value).ToString(value is > 0 and < 0.01 ? "0.00" : "0.0", CultureInfo.InvariantCulture) + " %"
        : None;

    /// <summary><c>+0.12</c>.</summary>
    public static string Signed(double? cosine) =>
        cosine?.ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture) ?? None;
}
