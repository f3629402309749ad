using Interfuse.Experts;

namespace Interfuse.Inference.Generation;

/// <summary>A prompt to be continued.</summary>
/// <param name="Prompt">Its tokens, one or more.</param>
/// <param name="Mix">Who answers: an expert, a mixture of experts, or the model they share.</param>
public sealed record GenerationRequest(ReadOnlyMemory<int> Prompt, ExpertMix Mix)
{
    /// <summary>The most tokens that <see cref="TopLogProbs"/> may ask for.</summary>
    public const int MaxTopLogProbs = 20;

    /// <summary>A prompt for one expert.</summary>
    /// <param name="prompt">Its tokens, one or more.</param>
    /// <param name="expert">The expert that answers; 0 for a plain model.</param>
    public GenerationRequest(ReadOnlyMemory<int> prompt, int expert = 0)
        : this(prompt, ExpertMix.Of(expert))
    {
    }

    /// <summary>The most tokens of the answer, 1 or more; the model's context may end it before.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Texts that end the answer and are not part of it; none is empty.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Whether the answer goes on past the model's end-of-text tokens.</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>Which of the seed's streams of random numbers is drawn from, so that equal prompts get different
    /// answers.</summary>
    public ulong Stream { get; init; }

    /// <summary>How many of the likeliest tokens are told with each token of the answer, besides how likely that was, 0 to
    /// <see cref="MaxTopLogProbs"/>; null for neither.</summary>
    public int? TopLogProbs { get; init; }

    /// <summary>Refuses values outside their ranges.</summary>
    /// <exception cref="ArgumentException">A value is.</exception>
    public void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxTokens, 1);
        if (TopLogProbs is { } count)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count, nameof(TopLogProbs));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxTopLogProbs, nameof(TopLogProbs));
        }

        if (StopStrings.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop string is empty, and would end every answer at once.", nameof(StopStrings));
        }

        Sampling.Check();
    }
}

/// <summary>Why an answer ended.</summary>
public enum FinishReason
{
    /// <summary>The model said so, by an end-of-text token.</summary>
    EndOfText,

    /// <summary>A stop string appeared.</summary>
    StopString,

    /// <summary>It has as many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>Prompt and answer fill the model's context.</summary>
    ContextFull,
}

/// <summary>An answer.</summary>
/// <param name="Tokens">Its tokens, without the end-of-text token.</param>
/// <param name="Text">Its text, without the stop string.</param>
/// <param name="Reason">Why it ended.</param>
public sealed record GenerationResult(IReadOnlyList<int> Tokens, string Text, FinishReason Reason)
{
    /// <summary>The time from the request's turn until its prompt was read.</summary>
    public TimeSpan PromptTime { get; init; }

    /// <summary>The time from there to the end of the answer.</summary>
    public TimeSpan AnswerTime { get; init; }
}
