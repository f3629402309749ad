using Interfuse.Inference.Chat;

namespace Interfuse.Inference.Evaluation;

/// <summary>How tasks are put to a model.</summary>
public sealed record EvaluationOptions
{
    /// <summary>The most tokens of an answer that is to match exactly, 1 or more.</summary>
    public int MaxTokens { get; init; } = 64;

    /// <summary>Texts that end an answer and are not part of it.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>The longest stretch of a text whose likelihood is taken at once, in tokens, 2 or more; each token sees at
    /// most the tokens before it in its stretch. The model's context bounds it too.</summary>
    public int WindowLength { get; init; } = 2048;

    /// <summary>How a prompt is put as a user's message; null to give it as it is.</summary>
    public ChatTemplate? Chat { get; init; }
}
