using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>What every piece of an answer repeats, and who answers.</summary>
/// <param name="Id">The answer's id.</param>
/// <param name="Created">When it was begun, in seconds since 1970.</param>
/// <param name="Model">Who answers, as an id that can be asked for again.</param>
/// <param name="Fingerprint">What the answer depends on besides the request.</param>
/// <param name="Info">Who answers, in full.</param>
internal sealed record AnswerHead(string Id, long Created, string Model, string Fingerprint, AnswerInfo Info);

/// <summary>How an answer is written: as a completion, or as a message.</summary>
internal abstract class AnswerFormat
{
    /// <summary>What ids begin with.</summary>
    public abstract string Prefix { get; }

    /// <summary>Writes the first piece, which tells who answers.</summary>
    public abstract void WriteBegin(SseWriter events, AnswerHead head);

    /// <summary>Writes a piece.</summary>
    public abstract void WritePiece(SseWriter events, AnswerHead head, AnswerPiece piece);

    /// <summary>Writes why the answer ended.</summary>
    public abstract void WriteEnd(SseWriter events, AnswerHead head, AnswerEnd end);

    /// <summary>Writes the tokens used.</summary>
    public abstract void WriteUsage(SseWriter events, AnswerHead head, Usage usage);

    /// <summary>Writes the whole answer.</summary>
    public abstract Task WriteWholeAsync(
        HttpContext context, AnswerHead head, string text, IReadOnlyList<AnswerToken> tokens, AnswerEnd end);

    /// <summary>The tokens used.</summary>
    public static Usage UsageOf(AnswerEnd end) =>
        new(end.PromptTokens, end.AnswerTokens, end.PromptTokens + end.AnswerTokens);

    /// <summary>Why an answer ended, in OpenAI's words.</summary>
    protected static string WordOf(FinishReason reason) => reason switch
    {
        FinishReason.EndOfText or FinishReason.StopString => "stop",
        _ => "length",
    };
}
