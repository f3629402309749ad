namespace Interfuse.Experts.Routing;

/// <summary>What a router makes of a prompt.</summary>
/// <param name="Probabilities">How likely each expert is the right one, in the pack's order; they add up to 1.</param>
/// <param name="Uncertainty">Their entropy by that of equal ones, 0 to 1.</param>
/// <param name="Distance">How far the prompt's features lie from the nearest expert's prompts; above 1 they are unlike
/// any that the router was trained on, and its probabilities mean nothing.</param>
public sealed record RouteScores(IReadOnlyList<double> Probabilities, double Uncertainty, double Distance)
{
    /// <summary>The likeliest expert, the first of equals.</summary>
    public int Best
    {
        get
        {
            int best = 0;
            for (int expert = 1; expert < Probabilities.Count; expert++)
            {
                best = Probabilities[expert] > Probabilities[best] ? expert : best;
            }

            return best;
        }
    }

    /// <summary>Whether the prompt is unlike all that the router was trained on.</summary>
    public bool IsFar => Distance > 1;
}
