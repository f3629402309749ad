namespace Interfuse.Experts.Routing;

/// <summary>The numbers of a router.</summary>
/// <remarks>
/// With x the features: z = (x - mean) * scale, elementwise in float32 and within a million of 0; the score of expert e
/// is (W[e] . z + b[e]) / temperature in float64, and the probabilities are the softmax of the scores. The distance is
/// the least over experts of the root mean square of (z - centre[e]) * spread, by reach.
/// </remarks>
/// <param name="Mean">[d]: the features' means.</param>
/// <param name="Scale">[d]: what brings them to a standard deviation of 1.</param>
/// <param name="Weight">[N, d]: W.</param>
/// <param name="Bias">[N]: b.</param>
/// <param name="Centre">[N, d]: the mean of z of each expert's prompts.</param>
/// <param name="Spread">[d]: what brings z's deviations from its expert's centre to a standard deviation of 1.</param>
/// <param name="Temperature">What scores are divided by, above 0.</param>
/// <param name="Reach">The distance that prompts of the experts keep within, above 0.</param>
internal sealed record RouterWeights(
    float[] Mean, float[] Scale, float[] Weight, float[] Bias, float[] Centre, float[] Spread, double Temperature, double Reach)
{
    // Farther out nothing more can be told, and sums stay finite.
    private const float Farthest = 1e6f;

    /// <summary>N.</summary>
    public int Experts => Bias.Length;

    /// <summary>d.</summary>
    public int Width => Mean.Length;

    /// <summary>z.</summary>
    public void Standardize(ReadOnlySpan<float> features, Span<float> z)
    {
        for (int i = 0; i < z.Length; i++)
        {
            z[i] = Math.Clamp((features[i] - Mean[i]) * Scale[i], -Farthest, Farthest);
        }
    }

    /// <summary>The scores before they are divided by the temperature.</summary>
    public double[] Scores(ReadOnlySpan<float> z)
    {
        double[] scores = new double[Experts];
        double[] row = new double[Width];
        for (int expert = 0; expert < scores.Length; expert++)
        {
            for (int i = 0; i < row.Length; i++)
            {
                row[i] = Weight[(expert * Width) + i];
            }

            scores[expert] = LaneMath.Dot(row, z) + Bias[expert];
        }

        return scores;
    }

    /// <summary>The distance from the nearest centre, not yet by <see cref="Reach"/>.</summary>
    public double Distance(ReadOnlySpan<float> z)
    {
        double least = double.PositiveInfinity;
        float[] away = new float[Width];
        double[] same = new double[Width];
        for (int expert = 0; expert < Experts; expert++)
        {
            for (int i = 0; i < away.Length; i++)
            {
                away[i] = (z[i] - Centre[(expert * Width) + i]) * Spread[i];
                same[i] = away[i];
            }

            least = Math.Min(least, LaneMath.Dot(same, away) / Width);
        }

        return Math.Sqrt(least);
    }
}
