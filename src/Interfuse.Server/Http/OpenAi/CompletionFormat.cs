using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>An answer as a completion.</summary>
internal sealed class CompletionFormat : AnswerFormat
{
    private const string Object = "text_completion";

    private int _offset;

    public override string Prefix => "cmpl-";

    public override void WriteBegin(SseWriter events, AnswerHead head) =>
        Write(events, Of(head, new CompletionChoice("", 0, null, null)) with { Interfuse = head.Info });

    public override void WritePiece(SseWriter events, AnswerHead head, AnswerPiece piece)
    {
        CompletionLogProbs? logProbs = LogProbs.ForCompletion(piece.Tokens, ref _offset);
        if (piece.Text.Length > 0 || logProbs is not null)
        {
            Write(events, Of(head, new CompletionChoice(piece.Text, 0, logProbs, null)));
        }
    }

    public override void WriteEnd(SseWriter events, AnswerHead head, AnswerEnd end) =>
        Write(events, Of(head, new CompletionChoice("", 0, null, WordOf(end.Reason))));

    public override void WriteUsage(SseWriter events, AnswerHead head, Usage usage) =>
        Write(events, Of(head) with { Usage = usage });

    public override Task WriteWholeAsync(
        HttpContext context, AnswerHead head, string text, IReadOnlyList<AnswerToken> tokens, AnswerEnd end)
    {
        CompletionLogProbs? logProbs = LogProbs.ForCompletion(tokens, ref _offset);
        Completion whole = Of(head, new CompletionChoice(text, 0, logProbs, WordOf(end.Reason))) with
        {
            Usage = UsageOf(end),
            Interfuse = head.Info,
        };
        return context.Response.WriteAsJsonAsync(
            whole, ApiJson.Plain.Completion, cancellationToken: context.RequestAborted);
    }

    private static Completion Of(AnswerHead head, params IReadOnlyList<CompletionChoice> choices) =>
        new(head.Id, Object, head.Created, head.Model, head.Fingerprint, choices);

    private static void Write(SseWriter events, Completion piece) => events.Write(piece, ApiJson.Plain.Completion);
}
