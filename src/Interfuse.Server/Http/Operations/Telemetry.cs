using Interfuse.Server.Engine;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Interfuse.Server.Http.Operations;

/// <summary>What is measured, and where traces go.</summary>
internal static class Telemetry
{
    private static readonly string[] Meters =
    [
        EngineTelemetry.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel",
        "Microsoft.AspNetCore.RateLimiting", "System.Runtime",
    ];

    /// <summary>Adds the meters of <c>/metrics</c> and, where there is somewhere to send them, traces.</summary>
    public static void AddTelemetry(this IServiceCollection services, Uri? traces)
    {
        OpenTelemetryBuilder telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("interfuse"))
            .WithMetrics(metrics => metrics.AddMeter(Meters).AddPrometheusExporter());
        if (traces is not null)
        {
            telemetry.WithTracing(tracing => tracing
                .AddSource(EngineTelemetry.Name, "Microsoft.AspNetCore")
                .AddOtlpExporter(exporter => exporter.Endpoint = traces));
        }
    }
}
