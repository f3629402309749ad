namespace Interfuse.Experts.Routing;

/// <summary>A router of a pack: tells from a prompt's features which experts are likely to be the right ones.</summary>
/// <remarks>
/// A classifier of a prompt's features: softmax regression with a calibrated temperature, and a bound on how far from
/// all it was trained on it is to be trusted. The format is told in docs/routing.md.
/// </remarks>
public sealed class PackRouter
{
    internal PackRouter(RouterWeights weights, RouterFacts facts)
    {
        Weights = weights;
        Facts = facts;
    }

    /// <summary>The experts' names, in the pack's order.</summary>
    public IReadOnlyList<string> Experts => Facts.Experts;

    /// <summary>What a prompt's features are.</summary>
    public RouterFeatures Features => Facts.Features;

    /// <summary>The elements of a prompt's features.</summary>
    public int Width => Weights.Width;

    /// <summary>What scores are divided by, found on prompts that were held out.</summary>
    public double Temperature => Weights.Temperature;

    /// <summary>The marks that go with this router.</summary>
    public RouteMarks Marks => Facts.Marks;

    /// <summary>What it was trained for and on, and how it did.</summary>
    public RouterFacts Facts { get; }

    internal RouterWeights Weights { get; }

    /// <summary>What the router makes of a prompt.</summary>
    /// <param name="features">The prompt's features, <see cref="Width"/> of them.</param>
    /// <exception cref="InterfuseException">A feature is no finite number.</exception>
    /// <exception cref="ArgumentException">There are more or fewer features.</exception>
    public RouteScores Score(ReadOnlySpan<float> features)
    {
        if (features.Length != Width)
        {
            throw new ArgumentException($"There are {features.Length} features, where {Width} are needed.", nameof(features));
        }

        foreach (float feature in features)
        {
            if (!float.IsFinite(feature))
            {
                throw new InterfuseException(
                    $"A prompt's features hold {feature}, no finite number, so it can't be routed; the shared model computes no "
                    + "numbers for it: check its weights, or choose an expert by name.");
            }
        }

        float[] z = new float[Width];
        Weights.Standardize(features, z);
        double[] probabilities = Weights.Scores(z);
        Calibration.Cool(probabilities, Temperature);
        PlainMath.Softmax(probabilities);
        return new RouteScores(probabilities, UncertaintyOf(probabilities), Weights.Distance(z) / Weights.Reach);
    }

    internal static double UncertaintyOf(ReadOnlySpan<double> probabilities)
    {
        double entropy = 0;
        foreach (double probability in probabilities)
        {
            // What is below the smallest normal number adds nothing that can be seen.
            entropy -= probability < 1e-300 ? 0 : probability * PlainMath.Log(probability);
        }

        return Math.Clamp(entropy / PlainMath.Log(probabilities.Length), 0, 1);
    }
}
