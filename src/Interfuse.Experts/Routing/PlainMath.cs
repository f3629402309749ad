namespace Interfuse.Experts.Routing;

/// <summary>The exponential and the logarithm in plain float64 arithmetic.</summary>
/// <remarks>
/// A system's own differ in the last bit between versions, and even between processors of one kind, and a router is to
/// come out the same wherever it is trained. Both are within two units in the last place.
/// </remarks>
internal static class PlainMath
{
    private const double Log2E = 1.4426950408889634;

    // The natural logarithm of 2 in two parts: the first has so few digits that its multiples are exact.
    private const double Ln2High = 6.93147180369123816490e-01;
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double SquareRootOf2 = 1.4142135623730951;
    private const double Largest = 709.78;
    private const double Smallest = -745;

    /// <summary>e to the x: 0 below -745, infinite above 709.78.</summary>
    public static double Exp(double x)
    {
        if (double.IsNaN(x))
        {
            return x;
        }

        if (x is < Smallest or > Largest)
        {
            return x < 0 ? 0 : double.PositiveInfinity;
        }

        double twos = Math.Round(x * Log2E);
        double rest = x - (twos * Ln2High) - (twos * Ln2Low);

        // |rest| is at most 0.35: the fourteenth term of the series is below 1e-17.
        double sum = 1;
        for (int term = 13; term > 0; term--)
        {
            sum = 1 + (sum * rest / term);
        }

        return Math.ScaleB(sum, (int)twos);
    }

    /// <summary>The natural logarithm of a positive, finite number that is not denormal.</summary>
    public static double Log(double x)
    {
        int twos = Math.ILogB(x);
        double fraction = Math.ScaleB(x, -twos);
        if (fraction > SquareRootOf2)
        {
            fraction /= 2;
            twos++;
        }

        // ln f = 2 artanh ((f - 1) / (f + 1)), whose series ends soon: the square is at most 0.03.
        double ratio = (fraction - 1) / (fraction + 1);
        double square = ratio * ratio;
        double sum = 0;
        for (int odd = 23; odd > 0; odd -= 2)
        {
            sum = (sum * square) + (1.0 / odd);
        }

        return (twos * Ln2High) + ((2 * ratio * sum) + (twos * Ln2Low));
    }

    /// <summary>Turns scores into probabilities, in place, and gives the logarithm of what they were divided
    /// by.</summary>
    public static double Softmax(Span<double> scores)
    {
        double greatest = double.NegativeInfinity;
        foreach (double score in scores)
        {
            greatest = Math.Max(greatest, score);
        }

        double sum = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] = Exp(scores[i] - greatest);
            sum += scores[i];
        }

        for (int i = 0; i < scores.Length; i++)
        {
            scores[i] /= sum;
        }

        return Log(sum) + greatest;
    }
}
