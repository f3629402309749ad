namespace Interfuse.Experts.Routing;

/// <summary>What a router was trained for and on, and how it did.</summary>
/// <param name="Experts">The experts' names, in the pack's order.</param>
/// <param name="PackHash">What the pack's weights, configuration and tokenizer were, as <see cref="PackIdentity"/>
/// tells them.</param>
/// <param name="Features">What its features are.</param>
/// <param name="Marks">The marks of <see cref="RoutePolicy.Uncertainty"/>.</param>
/// <param name="TrainingPrompts">The prompts that its weights were fitted to.</param>
/// <param name="HeldOutPrompts">The prompts that were kept back, and that the following figures are of.</param>
/// <param name="Accuracy">The share of them whose expert was the likeliest.</param>
/// <param name="ErrorBefore">The expected calibration error before the temperature.</param>
/// <param name="ErrorAfter">The same with it.</param>
public sealed record RouterFacts(
    IReadOnlyList<string> Experts,
    string PackHash,
    RouterFeatures Features,
    RouteMarks Marks,
    int TrainingPrompts,
    int HeldOutPrompts,
    double Accuracy,
    double ErrorBefore,
    double ErrorAfter);

/// <summary>What a prompt's features are: the mean over its tokens of the shared model's hidden states behind some
/// layers.</summary>
/// <param name="Depth">How many layers; 0 for the embeddings.</param>
/// <param name="MaxTokens">How many tokens count at most, the first ones; 1 or more.</param>
public sealed record RouterFeatures(int Depth, int MaxTokens = RouterFeatures.DefaultMaxTokens)
{
    /// <summary>So many tokens tell what a prompt is about, and reading them costs one pass through the
    /// layers.</summary>
    public const int DefaultMaxTokens = 512;
}
