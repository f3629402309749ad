using System.Text.Json;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>What both kinds of request may hold. Properties that are not here are let alone.</summary>
/// <remarks>Names and meanings are OpenAI's; the last four properties are our own.</remarks>
internal abstract record AnswerBody
{
    /// <summary>Who answers: a model's id, see <c>GET /v1/models</c>.</summary>
    public string? Model { get; init; }

    /// <summary>Whether the answer comes piece by piece, as server-sent events.</summary>
    public bool? Stream { get; init; }

    /// <summary>What a stream holds besides.</summary>
    public StreamOptions? StreamOptions { get; init; }

    /// <summary>Texts that end the answer.</summary>
    public StopTexts? Stop { get; init; }

    /// <summary>What draws follow from; none for other draws each time.</summary>
    public long? Seed { get; init; }

    /// <summary>0 for the likeliest token, up to 2; 1 if it is not given.</summary>
    public double? Temperature { get; init; }

    /// <summary>The likeliest tokens that together reach this probability remain.</summary>
    public double? TopP { get; init; }

    /// <summary>The most tokens of the answer.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>How many answers; 1.</summary>
    public int? N { get; init; }

    /// <summary>What is subtracted from a token's logit for every time it is in the answer.</summary>
    public double? FrequencyPenalty { get; init; }

    /// <summary>What is subtracted from a token's logit if it is in the answer.</summary>
    public double? PresencePenalty { get; init; }

    /// <summary>What is added to tokens' logits, by the tokens' numbers.</summary>
    public JsonElement? LogitBias { get; init; }

    /// <summary>How many of the likeliest tokens remain; 0 for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Tokens at least this share as likely as the likeliest remain.</summary>
    public double? MinP { get; init; }

    /// <summary>Above 1, tokens that were there before become less likely.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Who answers, and until when.</summary>
    public InterfuseFields? Interfuse { get; init; }
}

/// <summary>What a stream holds besides the answer.</summary>
internal sealed record StreamOptions
{
    /// <summary>Whether a last piece tells the tokens used.</summary>
    public bool? IncludeUsage { get; init; }
}

/// <summary>What only Interfuse knows.</summary>
internal sealed record InterfuseFields
{
    /// <summary><c>classifier</c>, <c>mixture</c> or <c>uncertainty</c>: how the router decides.</summary>
    public string? Policy { get; init; }

    /// <summary>A mixture of experts, for example <c>math=0.7,code=0.3</c>.</summary>
    public string? Mixture { get; init; }

    /// <summary>The longest that the answer may take, in milliseconds.</summary>
    public int? DeadlineMs { get; init; }
}

/// <summary>The body of <c>POST /v1/completions</c>.</summary>
internal sealed record CompletionBody : AnswerBody
{
    /// <summary>The text, or the tokens, to be continued.</summary>
    public PromptValue? Prompt { get; init; }

    /// <summary>How many of the likeliest tokens are told with each, 0 to 20.</summary>
    public int? Logprobs { get; init; }

    /// <summary>Refused unless false.</summary>
    public bool? Echo { get; init; }

    /// <summary>Refused unless empty.</summary>
    public string? Suffix { get; init; }

    /// <summary>Refused unless 1.</summary>
    public int? BestOf { get; init; }
}

/// <summary>The body of <c>POST /v1/chat/completions</c>.</summary>
internal sealed record ChatBody : AnswerBody
{
    /// <summary>The conversation.</summary>
    public IReadOnlyList<MessageBody>? Messages { get; init; }

    /// <summary>The most tokens of the answer; the newer name of <c>max_tokens</c>.</summary>
    public int? MaxCompletionTokens { get; init; }

    /// <summary>Whether the tokens' probabilities are told.</summary>
    public bool? Logprobs { get; init; }

    /// <summary>How many of the likeliest tokens are told with each, 0 to 20.</summary>
    public int? TopLogprobs { get; init; }

    /// <summary>Refused unless of the type <c>text</c>.</summary>
    public ResponseFormat? ResponseFormat { get; init; }

    /// <summary>Refused unless empty.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Refused unless <c>none</c> or <c>auto</c>.</summary>
    public JsonElement? ToolChoice { get; init; }

    /// <summary>Refused unless empty.</summary>
    public JsonElement? Functions { get; init; }

    /// <summary>Refused unless <c>none</c> or <c>auto</c>.</summary>
    public JsonElement? FunctionCall { get; init; }

    /// <summary>Refused unless <c>["text"]</c>.</summary>
    public IReadOnlyList<string>? Modalities { get; init; }

    /// <summary>Refused.</summary>
    public JsonElement? Audio { get; init; }

    /// <summary>Refused.</summary>
    public JsonElement? WebSearchOptions { get; init; }
}

/// <summary>A message of a conversation.</summary>
internal sealed record MessageBody
{
    /// <summary><c>system</c>, <c>developer</c>, <c>user</c> or <c>assistant</c>.</summary>
    public string? Role { get; init; }

    /// <summary>What is said.</summary>
    public ContentText? Content { get; init; }

    /// <summary>Refused unless empty.</summary>
    public JsonElement? ToolCalls { get; init; }
}

/// <summary>What an answer has to look like.</summary>
internal sealed record ResponseFormat
{
    /// <summary><c>text</c>.</summary>
    public string? Type { get; init; }
}
