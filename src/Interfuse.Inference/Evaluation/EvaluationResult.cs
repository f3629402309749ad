using Interfuse.Experts.Routing;

namespace Interfuse.Inference.Evaluation;

/// <summary>What a model makes of a task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Kind">What it asks for.</param>
/// <param name="Metrics">
/// The figures, the chief one first: <c>exact_match</c>, the share of samples; <c>accuracy</c>, the share of samples
/// whose right choice has the greatest log-likelihood, and <c>accuracy_norm</c>, by log-likelihood per byte;
/// <c>perplexity</c>, e to the mean negative log-likelihood of a token, and <c>bits_per_byte</c>.
/// </param>
/// <param name="Samples">What came of each sample, in the order of the task.</param>
public sealed record EvaluationResult(
    string Task,
    EvaluationKind Kind,
    IReadOnlyList<KeyValuePair<string, double>> Metrics,
    IReadOnlyList<SampleResult> Samples)
{
    /// <summary>The chief figure.</summary>
    public double Value => Metrics[0].Value;

    /// <summary>Whether a greater chief figure is a better one.</summary>
    public bool HigherIsBetter => Kind != EvaluationKind.Perplexity;
}

/// <summary>What came of a sample.</summary>
/// <param name="Sample">The sample.</param>
/// <param name="Answer">The model's answer or choice; null where it has none to give.</param>
/// <param name="Correct">Whether that is right; null where there is no right or wrong.</param>
/// <param name="LogLikelihoods">Of each choice, or of the text, in nats; empty for an exact match.</param>
public sealed record SampleResult(
    EvaluationSample Sample, string? Answer, bool? Correct, IReadOnlyList<double> LogLikelihoods)
{
    /// <summary>Whom a router sent it to, and why; null where none was asked.</summary>
    public RouteDecision? Route { get; init; }
}
