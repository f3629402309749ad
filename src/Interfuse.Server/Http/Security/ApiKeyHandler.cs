using System.Security.Claims;
using System.Text.Encodings.Web;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Errors;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Interfuse.Server.Http.Security;

/// <summary>Knows who asks by <c>Authorization: Bearer KEY</c>.</summary>
internal sealed class ApiKeyHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, ApiKeys keys)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "Bearer";

    /// <summary>Whom logs and bounds call everybody where there are no keys.</summary>
    public const string Anonymous = "anonymous";

    private const string Prefix = SchemeName + " ";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (keys.IsEmpty)
        {
            return Known(new ApiKeyOptions { Name = Anonymous });
        }

        string header = Request.Headers.Authorization.ToString();
        if (!header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return Task.FromResult(AuthenticateResult.NoResult());
        }

        return keys.Find(header[Prefix.Length..].Trim()) is { } key
            ? Known(key)
            : Task.FromResult(AuthenticateResult.Fail("There is no such key."));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        Response.Headers[HeaderNames.WWWAuthenticate] = SchemeName;
        string message = Request.Headers.Authorization.Count == 0
            ? "A key is needed: send it as 'Authorization: Bearer KEY'."
            : "This is no key of this server.";
        return ErrorResponse.WriteAsync(Context, ApiError.OfKey(message));
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => ErrorResponse.WriteAsync(
        Context,
        ApiError.OfPermission(keys.IsEmpty
            ? "This needs a key for administration, and none is configured."
            : "This needs a key for administration, and yours is for answers."));

    private static Task<AuthenticateResult> Known(ApiKeyOptions key)
    {
        Claim[] claims =
        [
            new(ClaimTypes.Name, key.Name), .. key.Admin ? [new(ClaimTypes.Role, ServerPolicies.Admin)] : Array.Empty<Claim>(),
        ];
        var user = new ClaimsPrincipal(new ClaimsIdentity(claims, SchemeName));
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(user, SchemeName)));
    }
}
