namespace Interfuse.Merging.Tests;

/// <summary>
/// The merge methods in float64, written from the papers' formulas and from what is known of mergekit's.
/// </summary>
internal static class Formulas
{
    public static double[] Linear(double[][] models, double[] weights, bool normalize = true)
    {
        double divisor = normalize ? weights.Sum() : 1;
        return Elements(models[0], i => models.Select((model, m) => weights[m] * model[i]).Sum() / divisor);
    }

    public static double[] Slerp(double[] from, double[] to, double t, bool mergekit)
    {
        double lengths = Math.Sqrt(Dot(from, from)) * Math.Sqrt(Dot(to, to));
        double cosine = lengths == 0 ? 0 : Math.Clamp(Dot(from, to) / lengths, -1, 1);
        double angle = Math.Acos(cosine);
        double sine = Math.Sin(angle);
        return (mergekit ? Math.Abs(cosine) > 0.9995 : sine < 1e-6 || lengths == 0)
            ? Elements(from, i => ((1 - t) * from[i]) + (t * to[i]))
            : Elements(from, i => ((Math.Sin((1 - t) * angle) * from[i]) + (Math.Sin(t * angle) * to[i])) / sine);
    }

    public static double[] Delta(double[] model, double[] baseValues) => Elements(model, i => model[i] - baseValues[i]);

    /// <summary>Keeps the largest magnitudes, the lowest index first among equals.</summary>
    public static double[] Trim(double[] delta, double density)
    {
        double[] trimmed = new double[delta.Length];
        int keep = density <= 0 ? 0 : Math.Max(1, (int)((decimal)density * delta.Length));
        foreach (int i in Enumerable.Range(0, delta.Length).OrderByDescending(i => Math.Abs(delta[i])).Take(keep))
        {
            trimmed[i] = delta[i];
        }

        return trimmed;
    }

    /// <summary>Scales what is left of a task vector to the l1 norm of the whole.</summary>
    public static double[] KeepNorm(double[] thinned, double[] delta)
    {
        double all = delta.Sum(Math.Abs);
        double kept = thinned.Sum(Math.Abs);
        return all < 1e-7 || kept < 1e-7 ? thinned : Elements(thinned, i => thinned[i] * (all / kept));
    }

    /// <summary>base + lambda * sum of weighted task vectors, divided by the sum of weights if asked.</summary>
    public static double[] Add(double[] baseValues, double[][] deltas, double[] weights, bool normalize, double lambda)
    {
        double divisor = normalize && Math.Abs(weights.Sum()) >= 1e-8 ? weights.Sum() : 1;
        return Elements(
            baseValues,
            i => baseValues[i] + (lambda * deltas.Select((delta, d) => weights[d] * delta[i]).Sum() / divisor));
    }

    /// <summary>
    /// The same with the task vectors that have the sign of their sum; a sum of zero elects the positive in mergekit.
    /// </summary>
    public static double[] Elect(
        double[] baseValues, double[][] deltas, double[] weights, bool normalize, double lambda, bool mergekit)
    {
        return Elements(baseValues, i =>
        {
            double[] values = [.. deltas.Select((delta, d) => weights[d] * delta[i])];
            double sum = values.Sum();
            int elected = sum == 0 && mergekit ? 1 : Math.Sign(sum);
            int[] agreeing = [.. Enumerable.Range(0, values.Length).Where(
                d => elected != 0 && Math.Sign(values[d]) == elected)];
            double divisor = agreeing.Sum(d => weights[d]);
            return baseValues[i] + (lambda * agreeing.Sum(d => values[d]) / (normalize && divisor != 0 ? divisor : 1));
        });
    }

    private static double Dot(double[] left, double[] right) => left.Zip(right, (l, r) => l * r).Sum();

    private static double[] Elements(double[] like, Func<int, double> element) =>
        [.. Enumerable.Range(0, like.Length).Select(element)];
}
