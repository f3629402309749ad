using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>An answer as a message.</summary>
internal sealed class ChatFormat : AnswerFormat
{
    private const string Role = "assistant";

    public override string Prefix => "chatcmpl-";

    public override void WriteBegin(SseWriter events, AnswerHead head) =>
        Write(events, Of(head, new ChatDelta { Role = Role, Content = "" }) with { Interfuse = head.Info });

    public override void WritePiece(SseWriter events, AnswerHead head, AnswerPiece piece)
    {
        ChatLogProbs? logProbs = LogProbs.ForChat(piece.Tokens);
        if (piece.Text.Length > 0 || logProbs is not null)
        {
            Write(events, Of(head, new ChatDelta { Content = piece.Text }, logProbs));
        }
    }

    public override void WriteEnd(SseWriter events, AnswerHead head, AnswerEnd end) =>
        Write(events, Of(head, new ChatDelta(), null, WordOf(end.Reason)));

    public override void WriteUsage(SseWriter events, AnswerHead head, Usage usage) =>
        Write(events, Of(head, []) with { Usage = usage });

    public override Task WriteWholeAsync(
        HttpContext context, AnswerHead head, string text, IReadOnlyList<AnswerToken> tokens, AnswerEnd end)
    {
        var reply = new ChatReply(Role, text, Refusal: null);
        var whole = new ChatCompletion(
            head.Id,
            "chat.completion",
            head.Created,
            head.Model,
            head.Fingerprint,
            [new ChatChoice(0, reply, LogProbs.ForChat(tokens), WordOf(end.Reason))],
            UsageOf(end),
            head.Info);
        return context.Response.WriteAsJsonAsync(
            whole, ApiJson.Plain.ChatCompletion, cancellationToken: context.RequestAborted);
    }

    private static ChatChunk Of(AnswerHead head, ChatDelta delta, ChatLogProbs? logProbs = null, string? finish = null) =>
        Of(head, [new ChunkChoice(0, delta, logProbs, finish)]);

    private static ChatChunk Of(AnswerHead head, IReadOnlyList<ChunkChoice> choices) =>
        new(head.Id, "chat.completion.chunk", head.Created, head.Model, head.Fingerprint, choices);

    private static void Write(SseWriter events, ChatChunk chunk) => events.Write(chunk, ApiJson.Plain.ChatChunk);
}
