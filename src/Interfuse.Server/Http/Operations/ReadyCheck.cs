using Interfuse.Server.Engine;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Interfuse.Server.Http.Operations;

/// <summary>Whether requests should be sent here: not while models are loaded, nor when the process is about to end.</summary>
internal sealed class ReadyCheck(IModelRegistry registry) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(registry.IsReady ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
}
