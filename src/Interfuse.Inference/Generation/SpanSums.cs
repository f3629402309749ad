namespace Interfuse.Inference.Generation;

/// <summary>Sums of spans, in order.</summary>
internal static class SpanSums
{
    public static double Sum(this ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
        {
            sum += value;
        }

        return sum;
    }

    public static double Sum(this Span<double> values) => ((ReadOnlySpan<double>)values).Sum();
}
