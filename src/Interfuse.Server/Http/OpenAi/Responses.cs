using System.Text.Json.Serialization;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>An answer to <c>POST /v1/completions</c>, or a piece of it.</summary>
internal sealed record Completion(
    string Id,
    string Object,
    long Created,
    string Model,
    string SystemFingerprint,
    IReadOnlyList<CompletionChoice> Choices)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInfo? Interfuse { get; init; }
}

/// <summary>The text of an answer, or of a piece.</summary>
internal sealed record CompletionChoice(string Text, int Index, CompletionLogProbs? Logprobs, string? FinishReason);

/// <summary>How likely the tokens were: lists of one item a token.</summary>
/// <param name="Tokens">The tokens' texts.</param>
/// <param name="TokenLogprobs">The natural logarithms of their probabilities.</param>
/// <param name="TopLogprobs">The likeliest tokens in their place.</param>
/// <param name="TextOffset">How many characters of the answer came before.</param>
internal sealed record CompletionLogProbs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<double> TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, double>> TopLogprobs,
    IReadOnlyList<int> TextOffset);

/// <summary>An answer to <c>POST /v1/chat/completions</c>.</summary>
internal sealed record ChatCompletion(
    string Id,
    string Object,
    long Created,
    string Model,
    string SystemFingerprint,
    IReadOnlyList<ChatChoice> Choices,
    Usage Usage,
    AnswerInfo Interfuse);

/// <summary>The model's message.</summary>
internal sealed record ChatChoice(int Index, ChatReply Message, ChatLogProbs? Logprobs, string? FinishReason);

/// <summary>What the model says.</summary>
internal sealed record ChatReply(string Role, string Content, string? Refusal);

/// <summary>A piece of an answer to <c>POST /v1/chat/completions</c>.</summary>
internal sealed record ChatChunk(
    string Id,
    string Object,
    long Created,
    string Model,
    string SystemFingerprint,
    IReadOnlyList<ChunkChoice> Choices)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Usage? Usage { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AnswerInfo? Interfuse { get; init; }
}

/// <summary>What is new.</summary>
internal sealed record ChunkChoice(int Index, ChatDelta Delta, ChatLogProbs? Logprobs, string? FinishReason);

/// <summary>What is new of the message.</summary>
internal sealed record ChatDelta
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Role { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Content { get; init; }
}

/// <summary>How likely the tokens were.</summary>
internal sealed record ChatLogProbs(IReadOnlyList<ChatToken> Content);

/// <summary>A token of the answer, and the likeliest in its place.</summary>
internal sealed record ChatToken(
    string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<LikelyToken> TopLogprobs);

/// <summary>A token that was likely.</summary>
internal sealed record LikelyToken(string Token, double Logprob, IReadOnlyList<int> Bytes);

/// <summary>The tokens used.</summary>
internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens);

/// <summary>Who answered, and how sure the router was.</summary>
/// <param name="Model">The loaded model or pack.</param>
internal sealed record AnswerInfo(string Model)
{
    /// <summary>The expert that answered.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Expert { get; init; }

    /// <summary>The mixture of experts that answered.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Mixture { get; init; }

    /// <summary>Whether what the experts share answered.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Shared { get; init; }

    /// <summary>How the router decided, where it did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Policy { get; init; }

    /// <summary>What the policy found: <c>expert</c>, <c>mixture</c>, <c>undecided</c> or <c>far</c>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Outcome { get; init; }

    /// <summary>The probability of the expert that the router found likeliest.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Confidence { get; init; }

    /// <summary>The normalised entropy of the experts' probabilities: 0 for sure, 1 for no idea.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Uncertainty { get; init; }
}

/// <summary>What a request may name.</summary>
internal sealed record ModelEntry(string Id, string Object, long Created, string OwnedBy, ModelFacts Interfuse);

/// <summary>What a model's id stands for.</summary>
/// <param name="Kind"><c>model</c>, <c>expert</c>, <c>auto</c> or <c>shared</c>.</param>
/// <param name="Model">The loaded model or pack.</param>
/// <param name="Identity">The SHA-256 of its content.</param>
/// <param name="ContextLength">The most tokens of a prompt and its answer together.</param>
internal sealed record ModelFacts(string Kind, string Model, string Identity, int ContextLength);

/// <summary>All that a request may name.</summary>
internal sealed record ModelList(string Object, IReadOnlyList<ModelEntry> Data);
