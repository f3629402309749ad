using Interfuse.Experts.Routing;
using Interfuse.Inference.Generation;

namespace Interfuse.Server.Engine;

/// <summary>A piece of an answer.</summary>
public sealed record AnswerPiece
{
    /// <summary>Who answers: in the first piece, and there only.</summary>
    public AnsweredBy? By { get; init; }

    /// <summary>The text that came with the piece; often none, while it may still become a stop string.</summary>
    public string Text { get; init; } = "";

    /// <summary>The tokens that were chosen, with how likely they were; where the request asks for that.</summary>
    public IReadOnlyList<AnswerToken> Tokens { get; init; } = [];

    /// <summary>How the answer ended: in the last piece, and there only.</summary>
    public AnswerEnd? End { get; init; }
}

/// <summary>Who answers a request.</summary>
/// <param name="Model">The loaded model.</param>
/// <param name="Name">
/// An expert's name, a mixture such as <c>math=0.7,code=0.3</c>, <c>shared</c>, or a plain model's own name.
/// </param>
/// <param name="Route">The router's decision, where it decided.</param>
public sealed record AnsweredBy(ServedModel Model, string Name, RouteDecision? Route);

/// <summary>How an answer ended.</summary>
/// <param name="Reason">Why.</param>
/// <param name="PromptTokens">Tokens of the prompt, with what the model expects around it.</param>
/// <param name="AnswerTokens">Tokens of the answer.</param>
/// <param name="FirstTokenTime">The time from the request until the answer's first token was chosen.</param>
/// <param name="TotalTime">The time from the request until the answer was complete.</param>
public sealed record AnswerEnd(
    FinishReason Reason, int PromptTokens, int AnswerTokens, TimeSpan FirstTokenTime, TimeSpan TotalTime);
