using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Interfuse.Server.Engine;
using Interfuse.Server.Http.Admin;
using Interfuse.Server.Http.Configuration;
using Interfuse.Server.Http.Errors;
using Interfuse.Server.Http.Merges;
using Interfuse.Server.Http.OpenAi;
using Interfuse.Server.Http.Operations;
using Interfuse.Server.Http.Security;
using Interfuse.Server.Jobs;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http;

/// <summary>The server as a whole: the engine, its addresses, and what guards them.</summary>
internal static class ServerApplication
{
    // After what the engine allows running requests, its threads and the sockets end.
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(5);

    /// <summary>Builds a server.</summary>
    /// <param name="configuration">Sections as <see cref="ServerConfiguration"/> reads them, and nothing from elsewhere.</param>
    /// <param name="addEngine">Adds the engine.</param>
    public static WebApplication Build(IConfiguration configuration, Action<IServiceCollection> addEngine)
    {
        // The empty builder: what listens, logs and is configured is here to be read, whatever the environment holds.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddConfiguration(configuration);
        HttpOptions http = Bound(configuration);
        AddLogging(builder.Logging, configuration, http.JsonLog);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(Listen);
        IServiceCollection services = builder.Services;
        services.AddRoutingCore();
        services.AddOptions<HttpOptions>().BindConfiguration(HttpOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<HttpOptions>, HttpOptionsValidator>();
        services.AddOptions<HostOptions>().Configure<IOptions<InterfuseOptions>>((host, engine) =>
            host.ShutdownTimeout = engine.Value.DrainTime + EndTime);
        addEngine(services);
        services.AddMergeJobs();
        AddApi(services);
        services.AddTelemetry(http.OtlpEndpoint);
        WebApplication app = builder.Build();
        Map(app);
        return app;
    }

    // Some settings are needed before there are services. What is wrong with them is said with the others, at the start.
    private static HttpOptions Bound(IConfiguration configuration) =>
        configuration.GetSection(HttpOptions.Section).Get<HttpOptions>() ?? new HttpOptions();

    private static void AddLogging(ILoggingBuilder logging, IConfiguration configuration, bool isJson)
    {
        logging.SetMinimumLevel(LogLevel.Information)
            .AddFilter("Microsoft", LogLevel.Warning)

            // What keeps the server from starting is said once, by whoever started it.
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.None)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel.", LogLevel.Warning)
            .AddFilter(typeof(EngineLifetime).FullName, LogLevel.None)

            // Who is refused is in the line about the request.
            .AddFilter(typeof(ApiKeyHandler).FullName, LogLevel.Warning)
            .AddConfiguration(configuration.GetSection("Logging"));

        // What the command prints is for programs, so the log goes to the other stream.
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (isJson)
        {
            logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "O";
            });
        }
        else if (SystemdHelpers.IsSystemdService())
        {
            logging.AddSystemdConsole();
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss ";
            });
        }
    }

    private static void Listen(WebHostBuilderContext context, KestrelServerOptions kestrel)
    {
        HttpOptions http = kestrel.ApplicationServices.GetRequiredService<IOptions<HttpOptions>>().Value;
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = http.MaxBodyBytes;
        kestrel.Limits.MaxConcurrentConnections = http.MaxConnections;
        kestrel.Listen(http.Address ?? IPAddress.Loopback, http.Port);
    }

    private static void AddApi(IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<AnswerService>();
        services.AddSingleton<ModelAdmin>();
        services.AddAuthentication(ApiKeyHandler.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, ApiKeyHandler>(ApiKeyHandler.SchemeName, configureOptions: null);
        services.AddAuthorization(ServerPolicies.Add);
        services.AddRateLimiter(limiter => limiter.AddPolicy<string, AnswerLimits>(ServerPolicies.Answers));
        services.AddHostFiltering(_ => { });
        services.AddOptions<HostFilteringOptions>().Configure<IOptions<HttpOptions>>(Filter);
        services.AddHealthChecks().AddCheck<ReadyCheck>("ready");
        services.AddOpenApi("v1", ApiDocument.Configure);
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default);
        });
        services.AddSingleton<ISystemdNotifier, SystemdNotifier>();
        services.AddHostedService<ServiceNotifier>();
    }

    // Where a key is needed, a page of another site that calls this machine by a name of its own has none.
    private static void Filter(HostFilteringOptions filter, IOptions<HttpOptions> options)
    {
        HttpOptions http = options.Value;
        filter.IncludeFailureMessage = false;
        filter.AllowedHosts = http switch
        {
            { AllowedHosts.Count: > 0 } => http.AllowedHosts,
            { IsLocal: true, Keys.Count: 0 } => ["localhost", "127.0.0.1", "[::1]"],
            _ => ["*"],
        };
    }

    private static void Map(WebApplication app)
    {
        app.UseMiddleware<RequestLog>();
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = ErrorResponse.WriteExceptionAsync,
            AllowStatusCode404Response = true,

            // What deserves a line in the log gets it where the answer is made of it.
            SuppressDiagnosticsCallback = _ => true,
        });
        app.UseStatusCodePages(ErrorResponse.WriteStatusAsync);
        app.UseHostFiltering();
        app.UseRouting();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseRateLimiter();
        app.MapOpenAi();
        app.MapAdmin();
        app.MapMerges();
        app.MapOperations();
    }
}
