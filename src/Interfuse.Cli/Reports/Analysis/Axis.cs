using System.Globalization;

namespace Interfuse.Cli;

/// <summary>Round numbers along an axis.</summary>
internal static class Axis
{
    /// <summary>A step of 1, 2 or 5 times a power of ten that divides a range into about so many.</summary>
    public static double Step(double range, int ticks)
    {
        if (range <= 0)
        {
            return 0.01;
        }

        double power = Math.Pow(10, Math.Floor(Math.Log10(range / ticks)));
        double factor = range / ticks / power;
        return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
    }

    /// <summary>A share in percent, with the digits that its step needs.</summary>
    public static string Percent(double share, double step)
    {
        int digits = Math.Clamp((int)Math.Ceiling(-Math.Log10(100 * step) - 1e-9), 0, 6);
        return (100 * share).ToString($"F{digits}", CultureInfo.InvariantCulture) + " %";
    }
}
