using System.Globalization;

namespace Interfuse.Experts.Routing;

/// <summary>Why a prompt went where it did.</summary>
public enum RouteOutcome
{
    /// <summary>To one expert.</summary>
    Expert,

    /// <summary>To a mixture of experts.</summary>
    Mixture,

    /// <summary>To the shared model, because the experts are about equally likely.</summary>
    Undecided,

    /// <summary>To the shared model, because the prompt is unlike all that the router was trained on.</summary>
    Far,
}

/// <summary>Which model of a pack answers a prompt, and why.</summary>
/// <param name="Mix">The expert, the mixture or the shared model.</param>
/// <param name="Policy">The policy that chose it.</param>
/// <param name="Outcome">What the policy found.</param>
/// <param name="Scores">What the router made of the prompt.</param>
public sealed record RouteDecision(ExpertMix Mix, RoutePolicy Policy, RouteOutcome Outcome, RouteScores Scores)
{
    // Shares that are no more than rounding next to the others, and would cost a product each.
    private const double LeastShare = 1e-6;

    /// <summary>Decides by a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="scores">What the router made of the prompt.</param>
    /// <param name="marks">What <see cref="RoutePolicy.Uncertainty"/> calls sure and likely.</param>
    /// <exception cref="ArgumentException">The marks are unsound.</exception>
    public static RouteDecision Of(RoutePolicy policy, RouteScores scores, RouteMarks marks)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(marks);
        if (marks.Fault is { } fault)
        {
            throw new ArgumentException($"The marks are unsound: {fault}.", nameof(marks));
        }

        return policy switch
        {
            RoutePolicy.Classifier => new(ExpertMix.Of(scores.Best), policy, RouteOutcome.Expert, scores),
            RoutePolicy.Mixture => Mixed(policy, scores, Enumerable.Range(0, scores.Probabilities.Count)),
            RoutePolicy.Uncertainty => ByUncertainty(scores, marks),
            _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "There is no such policy."),
        };
    }

    /// <summary>The reason in words.</summary>
    /// <param name="experts">The experts' names.</param>
    public string Why(IReadOnlyList<string> experts)
    {
        ArgumentNullException.ThrowIfNull(experts);
        string shares = string.Join(" + ", Mix.Parts.Select(part => $"{Percent(part.Weight)} {experts[part.Expert]}"));
        string uncertainty = Scores.Uncertainty.ToString("0.00", CultureInfo.InvariantCulture);
        return Outcome switch
        {
            RouteOutcome.Expert =>
                $"{experts[Scores.Best]}: {Percent(Scores.Probabilities[Scores.Best])} likely, uncertainty {uncertainty}",
            RouteOutcome.Mixture => $"{shares}: uncertainty {uncertainty}",
            RouteOutcome.Undecided => $"the shared model: uncertainty {uncertainty}",
            _ => "the shared model: the prompt is unlike those of every expert, "
                + $"{Scores.Distance.ToString("0.0", CultureInfo.InvariantCulture)} times as far from them as they reach",
        };
    }

    private static RouteDecision ByUncertainty(RouteScores scores, RouteMarks marks)
    {
        const RoutePolicy Policy = RoutePolicy.Uncertainty;
        if (scores.IsFar || scores.Uncertainty > marks.High)
        {
            return new(ExpertMix.Shared, Policy, scores.IsFar ? RouteOutcome.Far : RouteOutcome.Undecided, scores);
        }

        if (scores.Uncertainty < marks.Low)
        {
            return new(ExpertMix.Of(scores.Best), Policy, RouteOutcome.Expert, scores);
        }

        // The likeliest first, of equals the first; as few as have the mass together.
        IEnumerable<int> experts = Enumerable.Range(0, scores.Probabilities.Count);
        int[] order = [.. experts.OrderByDescending(expert => scores.Probabilities[expert])];
        double mass = 0;
        int count = 0;
        while (count < order.Length && mass < marks.Mass)
        {
            mass += scores.Probabilities[order[count++]];
        }

        return Mixed(Policy, scores, order.Take(count));
    }

    private static RouteDecision Mixed(RoutePolicy policy, RouteScores scores, IEnumerable<int> experts)
    {
        int[] chosen = [.. experts.Where(expert => scores.Probabilities[expert] >= LeastShare).Order()];
        double mass = chosen.Sum(expert => scores.Probabilities[expert]);
        var mix = ExpertMix.Weighted(
            chosen.Select(expert => new ExpertShare(expert, (float)(scores.Probabilities[expert] / mass))));
        return new(mix, policy, mix.IsSingle ? RouteOutcome.Expert : RouteOutcome.Mixture, scores);
    }

    private static string Percent(double share) => $"{(100 * share).ToString("0.0", CultureInfo.InvariantCulture)} %";
}
