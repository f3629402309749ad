using Interfuse.Server.Http.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Routing;

namespace Interfuse.Server.Http.Operations;

/// <summary>The addresses for whoever runs the server.</summary>
internal static class OperationEndpoints
{
    public static void MapOperations(this IEndpointRouteBuilder routes)
    {
        // Alive is whoever answers at all.
        routes.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = _ => false });
        routes.MapHealthChecks("/readyz");
        routes.MapPrometheusScrapingEndpoint("/metrics").RequireAuthorization(ServerPolicies.Client);
        routes.MapOpenApi("/openapi/{documentName}.json");
    }
}
