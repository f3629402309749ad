namespace Interfuse.Experts.Routing;

/// <summary>How a prompt's experts are chosen.</summary>
public enum RoutePolicy
{
    /// <summary>The likeliest expert.</summary>
    Classifier,

    /// <summary>All experts, each by its probability (Twin-Merging, arXiv 2406.15479).</summary>
    Mixture,

    /// <summary>
    /// As sure as the router is (Mediator, arXiv 2502.04411): the likeliest expert where it is sure, a mixture of the
    /// likely ones where it is not, and the shared model where it is lost.
    /// </summary>
    Uncertainty,
}

/// <summary>What <see cref="RoutePolicy.Uncertainty"/> calls sure, and likely.</summary>
/// <remarks>
/// Uncertainty is the entropy of the probabilities by that of equal ones: 0 where one expert has all, 1 where none is
/// likelier than another.
/// </remarks>
/// <param name="Low">Below this uncertainty the likeliest expert answers alone; 0 to 1.</param>
/// <param name="High">Above this one the shared model answers; <paramref name="Low"/> to 1.</param>
/// <param name="Mass">The probability that experts mixed must have together; above 0, 1 at most.</param>
public sealed record RouteMarks(double Low, double High, double Mass)
{
    /// <summary>What holds where neither the caller nor the router says otherwise: 0.1, 0.75 and 0.9.</summary>
    public static RouteMarks Default { get; } = new(Low: 0.1, High: 0.75, Mass: 0.9);

    /// <summary>What is wrong with the numbers, or null.</summary>
    public string? Fault => this switch
    {
        _ when !(Low is >= 0 and <= 1) => $"the low mark is {Low}, and 0 to 1 is needed",
        _ when !(High >= Low && High <= 1) => $"the high mark is {High}, and the low one's {Low} to 1 is needed",
        _ when !(Mass is > 0 and <= 1) => $"the mass is {Mass}, and a number above 0 and of 1 at most is needed",
        _ => null,
    };
}
