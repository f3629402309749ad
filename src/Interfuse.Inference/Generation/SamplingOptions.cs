namespace Interfuse.Inference.Generation;

/// <summary>How the next token is chosen by its logits.</summary>
/// <remarks>
/// In this order: the penalty for tokens that were there before, temperature, top-k, top-p, min-p; then a draw. What is
/// left at its default does nothing, and all defaults choose the likeliest token (greedy).
/// </remarks>
public sealed record SamplingOptions
{
    /// <summary>Always the likeliest token.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>What logits are divided by, 0 or more; 0 chooses the likeliest token, the lowest of equals.</summary>
    public double Temperature { get; init; }

    /// <summary>How many of the likeliest tokens remain; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>The likeliest tokens that together reach this probability remain, above 0 to 1
    /// (nucleus sampling; Holtzman et al., 2020).</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Tokens at least this share as likely as the likeliest remain, 0 to 1 (Nguyen et al., 2024).</summary>
    public double MinP { get; init; }

    /// <summary>What logits of tokens that were in the prompt or the answer are divided by where they are above 0, and
    /// multiplied by elsewhere, above 0; 1 for no penalty (Keskar et al., 2019).</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>What draws follow from, with the request's number and the token's place: the same seed, the same
    /// answer.</summary>
    public ulong Seed { get; init; }

    /// <summary>Refuses values outside their ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value is.</exception>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(TopK);
        CheckRange(Temperature, Temperature >= 0, nameof(Temperature));
        CheckRange(TopP, TopP is > 0 and <= 1, nameof(TopP));
        CheckRange(MinP, MinP is >= 0 and <= 1, nameof(MinP));
        CheckRange(RepetitionPenalty, RepetitionPenalty > 0, nameof(RepetitionPenalty));
    }

    private static void CheckRange(double value, bool good, string name)
    {
        if (!good || !double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "The value is outside its range.");
        }
    }
}
