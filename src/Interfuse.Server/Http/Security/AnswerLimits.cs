using System.Threading.RateLimiting;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Errors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http.Security;

/// <summary>Bounds how many answers a key's owner has in the making.</summary>
internal sealed class AnswerLimits(IOptions<HttpOptions> options) : IRateLimiterPolicy<string>
{
    public Func<OnRejectedContext, CancellationToken, ValueTask>? OnRejected { get; } = (context, _) => new ValueTask(
        ErrorResponse.WriteAsync(
            context.HttpContext,
            ApiError.OfRate("As many answers are in the making for this key as it may have at once; wait for one of them.")));

    public RateLimitPartition<string> GetPartition(HttpContext httpContext)
    {
        string name = httpContext.User.Identity?.Name ?? ApiKeyHandler.Anonymous;
        int most = options.Value.Keys.FirstOrDefault(key => key.Name == name)?.MaxRequests ?? options.Value.MaxRequestsPerKey;
        return RateLimitPartition.GetConcurrencyLimiter(
            name, _ => new ConcurrencyLimiterOptions { PermitLimit = most, QueueLimit = 0 });
    }
}
