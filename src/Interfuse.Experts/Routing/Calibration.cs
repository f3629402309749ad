namespace Interfuse.Experts.Routing;

/// <summary>Makes probabilities mean what they say (Guo et al., 2017): one temperature for all scores.</summary>
internal static class Calibration
{
    /// <summary>The bins of <see cref="ExpectedError"/>, of equal width.</summary>
    public const int Bins = 15;

    // Scores that tell nothing apart, or all without a doubt, have no best temperature.
    private const double Coldest = 1.0 / 64;
    private const double Hottest = 64;
    private const int Halvings = 60;

    /// <summary>The temperature by which samples that were not trained on are likeliest.</summary>
    /// <remarks>
    /// A class that is always right would make it 0, and every later prompt certain. So the right class counts 1 - e
    /// and the others e together, e = 0.5 / (samples + 1): what is to be expected after so many samples without an
    /// error (Jeffreys' prior; the idea is Platt's, 1999).
    /// </remarks>
    /// <param name="scores">The scores of each sample.</param>
    /// <param name="classes">The right class of each.</param>
    public static double Temperature(IReadOnlyList<double[]> scores, ReadOnlySpan<int> classes)
    {
        // The loss is convex in 1 / temperature: where its slope is 0 is found by halving.
        double low = 1 / Hottest;
        double high = 1 / Coldest;
        for (int i = 0; i < Halvings; i++)
        {
            double middle = (low + high) / 2;
            if (Slope(scores, classes, middle) < 0)
            {
                low = middle;
            }
            else
            {
                high = middle;
            }
        }

        return 2 / (low + high);
    }

    /// <summary>Divides scores by a temperature.</summary>
    public static void Cool(Span<double> scores, double temperature)
    {
        foreach (ref double score in scores)
        {
            score /= temperature;
        }
    }

    /// <summary>
    /// The expected calibration error: samples are sorted by the greatest probability into bins; in each, how far the
    /// mean of that is from the share that it is right for; over all, the mean by the bins' samples.
    /// </summary>
    /// <param name="scores">The scores of each sample.</param>
    /// <param name="classes">The right class of each.</param>
    /// <param name="temperature">What scores are divided by.</param>
    public static double ExpectedError(IReadOnlyList<double[]> scores, ReadOnlySpan<int> classes, double temperature)
    {
        Span<double> confidence = stackalloc double[Bins];
        Span<double> right = stackalloc double[Bins];
        for (int sample = 0; sample < scores.Count; sample++)
        {
            double[] probabilities = Probabilities(scores[sample], temperature);
            int best = Array.IndexOf(probabilities, probabilities.Max());
            int bin = Math.Min((int)(probabilities[best] * Bins), Bins - 1);
            confidence[bin] += probabilities[best];
            right[bin] += best == classes[sample] ? 1 : 0;
        }

        double error = 0;
        for (int bin = 0; bin < Bins; bin++)
        {
            error += Math.Abs(confidence[bin] - right[bin]);
        }

        return error / scores.Count;
    }

    /// <summary>The softmax of scores divided by a temperature.</summary>
    public static double[] Probabilities(double[] scores, double temperature)
    {
        double[] probabilities = [.. scores];
        Cool(probabilities, temperature);
        PlainMath.Softmax(probabilities);
        return probabilities;
    }

    // Of the mean loss, by the inverse temperature.
    private static double Slope(IReadOnlyList<double[]> scores, ReadOnlySpan<int> classes, double inverse)
    {
        double doubt = 0.5 / (scores.Count + 1);
        double slope = 0;
        for (int sample = 0; sample < scores.Count; sample++)
        {
            double[] probabilities = Probabilities(scores[sample], 1 / inverse);
            for (int k = 0; k < probabilities.Length; k++)
            {
                double target = k == classes[sample] ? 1 - doubt : doubt / (probabilities.Length - 1);
                slope += (probabilities[k] - target) * scores[sample][k];
            }
        }

        return slope;
    }
}
