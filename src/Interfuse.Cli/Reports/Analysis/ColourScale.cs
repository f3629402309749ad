namespace Interfuse.Cli;

/// <summary>From a number to a colour: blue at the low end where the scale has two sides, nothing at the middle, red at the
/// high end.</summary>
/// <param name="Middle">The value without colour.</param>
/// <param name="High">The value of full colour.</param>
/// <param name="HasTwoSides">Whether values below the middle are blue; they have no colour else.</param>
internal readonly record struct ColourScale(double Middle, double High, bool HasTwoSides)
{
    private static readonly double[] Reaches = [0.1, 0.25, 0.5, 1];

    /// <summary>A scale for cosines that reaches as far as they do, in round numbers.</summary>
    public static ColourScale ForCosines(IEnumerable<double?> cosines)
    {
        double reach = cosines.Max(cosine => Math.Abs(cosine ?? 0));
        return new ColourScale(0, Reaches.First(limit => reach <= limit || limit >= 1), HasTwoSides: true);
    }

    /// <summary>A scale for shares from the lowest to the highest, in tenths.</summary>
    public static ColourScale ForShares(IEnumerable<double?> shares)
    {
        double[] values = [.. shares.OfType<double>().DefaultIfEmpty(0)];
        double low = Math.Floor((values.Min() * 10) + 1e-9) / 10;
        double high = Math.Ceiling((values.Max() * 10) - 1e-9) / 10;
        return new ColourScale(low, Math.Max(high, low + 0.1), HasTwoSides: false);
    }

    /// <summary>Where a value is on the scale: -1 to 1.</summary>
    public double Tone(double value) =>
        Math.Clamp((value - Middle) / (High - Middle), HasTwoSides ? -1 : 0, 1);

    /// <summary>The style of a cell.</summary>
    public string Fill(double value)
    {
        double tone = Tone(value);
        return $"fill:color-mix(in oklab,var(--{(tone < 0 ? "cold" : "hot")}) {Svg.Number(100 * Math.Abs(tone))}%,var(--mid))";
    }

    /// <summary>The scale as a bar with its ends.</summary>
    public string ToElement(Func<double?, string> format)
    {
        string low = format(HasTwoSides ? Middle - (High - Middle) : Middle);
        string css = HasTwoSides ? "diverging" : "rising";
        return $"<p class=\"scale\"><span>{Svg.Escape(low)}</span><i class=\"{css}\"></i><span>{Svg.Escape(format(High))}</span></p>";
    }
}
