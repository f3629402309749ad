using Interfuse.Experts.Routing;
using Interfuse.Inference.Chat;
using Interfuse.Inference.Generation;

namespace Interfuse.Server.Engine;

/// <summary>A prompt to be answered.</summary>
/// <param name="Model">Who answers, see <see cref="IExpertEngine.Find"/>.</param>
/// <param name="Prompt">The prompt.</param>
public sealed record EngineRequest(string Model, EnginePrompt Prompt)
{
    /// <summary>
    /// A mixture of the pack's experts that answers instead of the one named, as <see cref="Experts.ExpertMix.Parse"/>
    /// reads it; null for none. Only where <see cref="Model"/> names something of a pack.
    /// </summary>
    public string? Mixture { get; init; }

    /// <summary>How a router decides; null for what is configured.</summary>
    public RoutePolicy? Policy { get; init; }

    /// <summary>The most tokens of the answer, 1 or more; null for what is configured.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Texts that end the answer and are not part of it.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Whether the answer goes on past the model's end-of-text tokens.</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>How many of the likeliest tokens are told with each token and its log probability, 0 to 20; null to
    /// tell none of it.</summary>
    public int? TopLogProbs { get; init; }

    /// <summary>The longest that the answer may take, waiting included; null for what is configured, which it can't
    /// exceed.</summary>
    public TimeSpan? Deadline { get; init; }
}

/// <summary>A prompt: a text, a conversation or tokens.</summary>
public sealed record EnginePrompt
{
    private EnginePrompt()
    {
    }

    /// <summary>The text to be continued, or null.</summary>
    public string? Text { get; private init; }

    /// <summary>The conversation to be continued, or null.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; private init; }

    /// <summary>The tokens to be continued, or null.</summary>
    public ReadOnlyMemory<int>? Tokens { get; private init; }

    /// <summary>A text to be continued.</summary>
    public static EnginePrompt Of(string text) => new() { Text = text };

    /// <summary>A conversation, which the model's chat template spells out. A router goes by the last message of the
    /// user.</summary>
    public static EnginePrompt Of(IReadOnlyList<ChatMessage> messages) => new() { Messages = messages };

    /// <summary>Tokens to be continued, as they are.</summary>
    public static EnginePrompt Of(ReadOnlyMemory<int> tokens) => new() { Tokens = tokens };
}
