using System.Net;
using Interfuse.Server.Engine;
using Interfuse.Server.Jobs;

namespace Interfuse.Server.Http.Errors;

/// <summary>An error as OpenAI's clients expect it.</summary>
/// <param name="Status">The status.</param>
/// <param name="Detail">The body.</param>
internal sealed record ApiError(int Status, ErrorDetail Detail)
{
    private const string InvalidRequest = "invalid_request_error";
    private const string Server = "server_error";

    /// <summary>When to come back, where that may help.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether to ask again is no use, which OpenAI's clients would do by themselves.</summary>
    public bool IsFinal { get; init; }

    /// <summary>The request is at fault.</summary>
    public static ApiError OfRequest(string message, string? parameter = null, string? code = null) =>
        new(400, new(message, InvalidRequest, parameter, code));

    /// <summary>There is no key, or a wrong one.</summary>
    public static ApiError OfKey(string message) => new(401, new(message, "authentication_error", null, "invalid_api_key"));

    /// <summary>The key is not for this.</summary>
    public static ApiError OfPermission(string message) =>
        new(403, new(message, "permission_error", null, "insufficient_permissions"));

    /// <summary>Too much is asked at once.</summary>
    public static ApiError OfRate(string message, TimeSpan? retryAfter = null) =>
        new(429, new(message, "rate_limit_error", null, "rate_limit_exceeded"))
        {
            RetryAfter = retryAfter ?? TimeSpan.FromSeconds(1),
        };

    /// <summary>The server can't answer now.</summary>
    public static ApiError OfAbsence(string message, string code, TimeSpan? retryAfter = null) =>
        new(503, new(message, Server, null, code)) { RetryAfter = retryAfter ?? TimeSpan.FromSeconds(2) };

    /// <summary>What nobody thought of. The log has the rest.</summary>
    public static ApiError OfFailure(string requestId) => new(
        500, new($"The server failed; its log has more about the request {requestId}.", Server, null, "internal_error"));

    /// <summary>What the engine says.</summary>
    public static ApiError Of(EngineException error) => error.Fault switch
    {
        EngineFault.UnknownModel => new(404, new(error.Message, InvalidRequest, "model", "model_not_found")),
        EngineFault.BadRequest => OfRequest(error.Message, ParameterNames.Of(error.Parameter)),
        EngineFault.Busy => OfRate(error.Message, error.RetryAfter),
        EngineFault.Deadline => new(504, new(error.Message, Server, null, "deadline_exceeded")) { IsFinal = true },
        EngineFault.Unavailable => OfAbsence(error.Message, "unavailable", error.RetryAfter),
        _ => new(500, new(error.Message, Server, null, "model_failed")),
    };

    /// <summary>What merge jobs say.</summary>
    public static ApiError Of(MergeJobException error) => error.Fault switch
    {
        MergeJobFault.UnknownJob => new(404, new(error.Message, InvalidRequest, error.Parameter, "merge_not_found")),
        MergeJobFault.NotConfigured => new(404, new(error.Message, InvalidRequest, null, "merges_not_configured")),
        MergeJobFault.Conflict => new(409, new(error.Message, InvalidRequest, error.Parameter, "conflict")) { IsFinal = true },
        MergeJobFault.Busy => OfRate(error.Message, error.RetryAfter),
        _ => OfRequest(error.Message, error.Parameter, error.Parameter == "recipe" ? "invalid_recipe" : null),
    };

    /// <summary>What a status means that the framework gave.</summary>
    public static ApiError OfStatus(int status) => status switch
    {
        404 => new(404, new("There is nothing at this address.", InvalidRequest, null, "not_found")),
        405 => new(405, new("This method is not for this address.", InvalidRequest, null, "method_not_allowed")),
        413 => new(413, new("The body is larger than this server takes.", InvalidRequest, null, "body_too_large")),
        415 => new(415, new("The body has to be 'application/json'.", InvalidRequest, null, "unsupported_media_type")),
        408 => new(408, new("The request came too slowly.", InvalidRequest, null, "request_timeout")),
        < 500 => new(status, new("The request is no sound HTTP for this server.", InvalidRequest, null, "bad_request")),
        _ => new(status, new($"The server answers {(HttpStatusCode)status}.", Server, null, null)),
    };
}

/// <summary>The body of an error.</summary>
internal sealed record ErrorBody(ErrorDetail Error);

/// <summary>What is wrong.</summary>
internal sealed record ErrorDetail(string Message, string Type, string? Param, string? Code);

/// <summary>What is wrong with a request; ends its handling.</summary>
internal sealed class ApiException(ApiError error) : Exception(error.Detail.Message)
{
    public ApiError Error { get; } = error;

    public static ApiException Of(string message, string? parameter = null) => new(ApiError.OfRequest(message, parameter));
}
