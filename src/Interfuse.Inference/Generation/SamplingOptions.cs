using System.Collections.ObjectModel;

namespace Interfuse.Inference.Generation;

/// <summary>How the next token is chosen by its logits.</summary>
/// <remarks>
/// <para>
/// In this order: the penalties and biases, temperature, top-k, top-p, min-p; then a draw. What is left at its default does
/// nothing, and all defaults choose the likeliest token (greedy).
/// </para>
/// <para>
/// <b>The same on every machine.</b> Penalties and biases are computed in float64, and the logit rounded to float32 after each. A token's weight is
/// <c>exp((logit - greatest) / temperature)</c> (<see cref="Interfuse.Compute.CpuKernels.Exp(ReadOnlySpan{float}, float, float, Span{float})"/>)
/// times 2^44, rounded down to a whole number, so that sums are exact in whatever order: a token less likely than 2^-44 of the
/// likeliest is never drawn. Top-k leaves the k greatest logits, the lowest tokens of equals; top-p the fewest of them, in the
/// same order, whose weights sum to p of the sum or more; min-p those whose weight, before it is made whole, is at least that. The draw takes 64
/// bits of Philox 4x32-7 of the seed and the request's stream and multiplies them by the sum of the weights; the token is the
/// first, by its number, whose weight and those before it together are more.
/// </para>
/// </remarks>
public sealed record SamplingOptions
{
    /// <summary>Always the likeliest token.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>How far penalties go, either way.</summary>
    public const double MaxPenalty = 2;

    /// <summary>How far biases go, either way.</summary>
    public const double MaxBias = 100;

    // The weight of the likeliest token: the sum of half a million of them is below 2^63.
    internal const float WholeWeight = 1L << 44;

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

    /// <summary>What is subtracted from a token's logit for every time it is in the answer, -2 to 2.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>What is subtracted from a token's logit if it is in the answer, -2 to 2.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>What is added to tokens' logits, -100 to 100.</summary>
    public IReadOnlyDictionary<int, double> LogitBias { get; init; } = ReadOnlyDictionary<int, double>.Empty;

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
        CheckRange(FrequencyPenalty, Math.Abs(FrequencyPenalty) <= MaxPenalty, nameof(FrequencyPenalty));
        CheckRange(PresencePenalty, Math.Abs(PresencePenalty) <= MaxPenalty, nameof(PresencePenalty));
        foreach ((int token, double bias) in LogitBias)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(token, nameof(LogitBias));
            CheckRange(bias, Math.Abs(bias) <= MaxBias, nameof(LogitBias));
        }
    }

    private static void CheckRange(double value, bool good, string name)
    {
        if (!good || !double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "The value is outside its range.");
        }
    }
}
