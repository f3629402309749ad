using System.Globalization;
using Interfuse.Server.Engine;
using Interfuse.Server.Http.OpenAi;
using Interfuse.Server.Http.Operations;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Interfuse.Server.Http.Errors;

/// <summary>Writes errors: the shape of OpenAI's, and nothing of what lies behind them.</summary>
internal static partial class ErrorResponse
{
    /// <summary>What an exception means to a client.</summary>
    public static ApiError Of(HttpContext context, Exception error)
    {
        switch (error)
        {
            case ApiException known:
                return known.Error;

            case EngineException told:
                if (told.Fault == EngineFault.Failed)
                {
                    LogFailure(Logger(context), context.TraceIdentifier, told);
                }

                return ApiError.Of(told);

            case BadHttpRequestException bad:
                return ApiError.OfStatus(bad.StatusCode);

            default:
                LogFailure(Logger(context), context.TraceIdentifier, error);
                return ApiError.OfFailure(context.TraceIdentifier);
        }
    }

    /// <summary>Writes an error.</summary>
    public static Task WriteAsync(HttpContext context, ApiError error)
    {
        HttpResponse response = context.Response;
        RequestFacts.Of(context).Fault = error.Detail.Code ?? error.Detail.Type;
        response.StatusCode = error.Status;
        response.Headers.CacheControl = "no-store";
        if (error.RetryAfter is { } wait)
        {
            int seconds = Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds));
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (error.IsFinal)
        {
            response.Headers["x-should-retry"] = "false";
        }

        return response.WriteAsJsonAsync(
            new ErrorBody(error.Detail), ApiJson.Plain.ErrorBody, cancellationToken: context.RequestAborted);
    }

    /// <summary>Writes what an exception means, for the framework's exception handler.</summary>
    public static Task WriteExceptionAsync(HttpContext context)
    {
        Exception error = context.Features.Get<IExceptionHandlerFeature>()!.Error;
        return WriteAsync(context, Of(context, error));
    }

    /// <summary>Gives a status without a body one.</summary>
    public static Task WriteStatusAsync(StatusCodeContext status) =>
        WriteAsync(status.HttpContext, ApiError.OfStatus(status.HttpContext.Response.StatusCode));

    private static ILogger Logger(HttpContext context) =>
        context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Interfuse.Server.Http");

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed")]
    private static partial void LogFailure(ILogger logger, string requestId, Exception error);
}
