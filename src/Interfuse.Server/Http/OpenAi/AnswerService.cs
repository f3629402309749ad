using System.Text;
using Interfuse.Inference.Generation;
using Interfuse.Server.Engine;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Errors;
using Interfuse.Server.Http.Operations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>Answers <c>POST /v1/completions</c> and <c>POST /v1/chat/completions</c>.</summary>
internal sealed partial class AnswerService(
    IExpertEngine engine, IOptions<HttpOptions> options, TimeProvider clock, ILogger<AnswerService> logger)
{
    /// <summary>The header that says who answered.</summary>
    public const string ExpertHeader = "X-Interfuse-Expert";

    private const int MaxNameLength = 256;

    public async Task CompleteAsync(HttpContext context)
    {
        CompletionBody body = await BodyReader.ReadAsync(context.Request, ApiJson.Plain.CompletionBody);
        ExpertName name = Find(context, body);
        await AnswerAsync(context, body, name, AnswerRules.Of(body, name), new CompletionFormat());
    }

    public async Task ChatAsync(HttpContext context)
    {
        ChatBody body = await BodyReader.ReadAsync(context.Request, ApiJson.Plain.ChatBody);
        ExpertName name = Find(context, body);
        try
        {
            await AnswerAsync(context, body, name, AnswerRules.Of(body, name), new ChatFormat());
        }
        catch (EngineException error) when (error.Parameter == nameof(EngineRequest.Prompt))
        {
            throw ApiException.Of(error.Message, "messages");
        }
    }

    private ExpertName Find(HttpContext context, AnswerBody body)
    {
        // An error quotes the name.
        ExpertName name = body.Model switch
        {
            null or "" => throw ApiException.Of("'model' is needed; GET /v1/models lists what there is.", "model"),
            { Length: > MaxNameLength } => throw new EngineException(
                EngineFault.UnknownModel, "There is no model of so long a name; see the list of models."),
            _ => engine.Find(body.Model),
        };
        RequestFacts.Of(context).Model = name.Id;
        return name;
    }

    private async Task AnswerAsync(
        HttpContext context, AnswerBody body, ExpertName name, EngineRequest request, AnswerFormat format)
    {
        await using IAsyncEnumerator<AnswerPiece> pieces =
            engine.GenerateAsync(request, context.RequestAborted).GetAsyncEnumerator(context.RequestAborted);

        // Nothing is sent before it is sure that there will be an answer, so that an error can still have its own status.
        await MoveNextAsync(pieces);
        AnsweredBy by = pieces.Current.By!;
        AnswerHead head = AnswerHeads.Of(by, name, format.Prefix, clock.GetUtcNow());
        context.Response.Headers[ExpertHeader] = HeaderText(by.Name);
        RequestFacts.Of(context).Expert = by.Name;
        string text = body.Stream == true
            ? await StreamAsync(context, pieces, head, format, body.StreamOptions?.IncludeUsage == true)
            : await WholeAsync(context, pieces, head, format);
        if (options.Value.LogPrompts && logger.IsEnabled(LogLevel.Information))
        {
            string prompt = PromptText(request.Prompt);
            LogTexts(context.TraceIdentifier, prompt, text);
        }
    }

    private static async Task<string> WholeAsync(
        HttpContext context, IAsyncEnumerator<AnswerPiece> pieces, AnswerHead head, AnswerFormat format)
    {
        var text = new StringBuilder();
        var tokens = new List<AnswerToken>();
        while (true)
        {
            AnswerPiece piece = pieces.Current;
            text.Append(piece.Text);
            tokens.AddRange(piece.Tokens);
            if (piece.End is { } end)
            {
                RequestFacts.Of(context).End = end;
                await format.WriteWholeAsync(context, head, text.ToString(), tokens, end);
                return text.ToString();
            }

            await MoveNextAsync(pieces);
        }
    }

    private async Task<string> StreamAsync(
        HttpContext context, IAsyncEnumerator<AnswerPiece> pieces, AnswerHead head, AnswerFormat format, bool tellsUsage)
    {
        StringBuilder? text = options.Value.LogPrompts ? new() : null;
        using var events = new SseWriter(context);
        try
        {
            format.WriteBegin(events, head);
            while (true)
            {
                AnswerPiece piece = pieces.Current;
                text?.Append(piece.Text);
                format.WritePiece(events, head, piece);
                if (piece.End is { } end)
                {
                    RequestFacts.Of(context).End = end;
                    format.WriteEnd(events, head, end);
                    if (tellsUsage)
                    {
                        format.WriteUsage(events, head, AnswerFormat.UsageOf(end));
                    }

                    break;
                }

                await events.SendAsync();
                await MoveNextAsync(pieces);
            }

            events.WriteDone();
            await events.SendAsync();
        }
        catch (OperationCanceledException)
        {
            // The client has left; nobody is there to be told.
            context.Abort();
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // The status is sent already: the stream tells of the error, and ends without [DONE].
            ApiError told = ErrorResponse.Of(context, error);
            RequestFacts.Of(context).Fault = told.Detail.Code;
            events.Write(new ErrorBody(told.Detail), ApiJson.Plain.ErrorBody);
            await events.SendLastAsync();
        }

        return text?.ToString() ?? "";
    }

    private static async ValueTask MoveNextAsync(IAsyncEnumerator<AnswerPiece> pieces)
    {
        if (!await pieces.MoveNextAsync())
        {
            throw new InvalidOperationException("The engine's pieces ended without an end.");
        }
    }

    private static string PromptText(EnginePrompt prompt) => prompt switch
    {
        { Text: { } text } => text,
        { Messages: { } messages } => string.Join('\n', messages.Select(message => $"{message.Role}: {message.Content}")),
        _ => $"{prompt.Tokens!.Value.Length} tokens",
    };

    // Names of experts may hold what headers can't.
    private static string HeaderText(string name) =>
        name.All(letter => letter is >= ' ' and < '\x7f') ? name : Uri.EscapeDataString(name);

    [LoggerMessage(Level = LogLevel.Information, Message = "Request {RequestId}: prompt {Prompt}, answer {Answer}")]
    private partial void LogTexts(string requestId, string prompt, string answer);
}
