using Microsoft.AspNetCore.Authorization;

namespace Interfuse.Server.Http.Security;

/// <summary>Who may call an endpoint, as <c>RequireAuthorization</c> takes it.</summary>
internal static class ServerPolicies
{
    /// <summary>Whoever has a key; everybody where there is none.</summary>
    public const string Client = "client";

    /// <summary>Whoever has a key for it; nobody where there is none.</summary>
    public const string Admin = "admin";

    /// <summary>The bound of answers at once, as <c>RequireRateLimiting</c> takes it.</summary>
    public const string Answers = "answers";

    public static void Add(AuthorizationOptions options)
    {
        options.AddPolicy(Client, policy => policy.RequireAuthenticatedUser());
        options.AddPolicy(Admin, policy => policy.RequireRole(Admin));
    }
}
