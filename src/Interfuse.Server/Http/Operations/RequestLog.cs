using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Interfuse.Server.Http.Operations;

/// <summary>Numbers requests, and writes a line about each that is answered: who, what, how long; never the texts.</summary>
internal sealed partial class RequestLog(RequestDelegate next, TimeProvider clock, ILogger<RequestLog> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        // Our own: a client's may be anything.
        string id = $"req_{Guid.NewGuid():N}";
        context.TraceIdentifier = id;
        context.Response.OnStarting(() =>
        {
            context.Response.Headers["x-request-id"] = id;
            context.Response.Headers.XContentTypeOptions = "nosniff";
            return Task.CompletedTask;
        });
        long begin = clock.GetTimestamp();
        using IDisposable? scope = logger.BeginScope(new Dictionary<string, object> { ["RequestId"] = id });
        try
        {
            await next(context);
        }
        finally
        {
            Write(context, id, context.Response.StatusCode, clock.GetElapsedTime(begin).TotalMilliseconds);
        }
    }

    private void Write(HttpContext context, string id, int status, double time)
    {
        RequestFacts facts = RequestFacts.Of(context);
        string who = context.User.Identity?.Name ?? "-";

        // The pattern, not the address: what a client writes there may be anything. An error takes the endpoint away.
        Endpoint? endpoint = context.Features.Get<IExceptionHandlerFeature>()?.Endpoint ?? context.GetEndpoint();
        string route = endpoint is RouteEndpoint known
            ? $"{context.Request.Method} {known.RoutePattern.RawText}"
            : "no such address";
        if (facts.End is { } end)
        {
            double first = end.FirstTokenTime.TotalMilliseconds;
            string reason = end.Reason.ToString();
            LogAnswer(
                id, route, who, status, time, facts.Model, facts.Expert, end.PromptTokens, end.AnswerTokens,
                first, reason);
        }
        else if (facts.Model is not null)
        {
            LogUnanswered(id, route, who, status, time, facts.Model, facts.Fault ?? "its client left");
        }
        else
        {
            // Probes come every few seconds, and are of interest where they fail.
            LogOther(status < StatusCodes.Status400BadRequest ? LogLevel.Debug : LogLevel.Information, id, route, who, status, time);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{RequestId} {Route} by {Key}: {Status} in {Milliseconds:0} ms; {Model} answered by {Expert}, {PromptTokens} + "
            + "{AnswerTokens} tokens, the first after {FirstTokenMilliseconds:0} ms, end {Reason}")]
    private partial void LogAnswer(
        string requestId, string route, string key, int status, double milliseconds, string? model, string? expert,
        int promptTokens, int answerTokens, double firstTokenMilliseconds, string reason);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{RequestId} {Route} by {Key}: {Status} in {Milliseconds:0} ms; {Model} did not answer to the end: {Fault}")]
    private partial void LogUnanswered(
        string requestId, string route, string key, int status, double milliseconds, string model, string fault);

    [LoggerMessage(Message = "{RequestId} {Route} by {Key}: {Status} in {Milliseconds:0} ms")]
    private partial void LogOther(
        LogLevel level, string requestId, string route, string key, int status, double milliseconds);
}
