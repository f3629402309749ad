using Interfuse.Server.Engine;
using Interfuse.Server.Http.Admin;
using Interfuse.Server.Http.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Http;

/// <summary>The server that <c>interfuse serve</c> runs: models and packs behind OpenAI's interface.</summary>
public static class InterfuseServer
{
    /// <summary>Runs a server until it is told to end, by a signal or by the token.</summary>
    /// <param name="configuration">What <see cref="ServerConfiguration.Read"/> gives.</param>
    /// <param name="onListening">Is told the address once requests are taken there; models may still be loading.</param>
    /// <param name="cancellation">Ends the server as a signal does.</param>
    /// <exception cref="InterfuseException">A setting or a model is at fault, or the address is taken; says which.</exception>
    public static async Task RunAsync(
        IConfiguration configuration, Action<string> onListening, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(onListening);
        await using WebApplication app = Build(configuration, services => services.AddInterfuse());
        Task loaded = app.Services.GetRequiredService<IModelRegistry>().Loaded;
        try
        {
            await StartAsync(app, CheckWork, cancellation);
            onListening(AddressOf(app));
            await app.WaitForShutdownAsync(cancellation);
        }
        catch (OperationCanceledException) when (app.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // It was told to end before it had started.
        }

        if (loaded.IsFaulted)
        {
            // The models' fault ended it, and not whoever sent a signal.
            await loaded;
        }
    }

    /// <summary>Builds a server with an engine.</summary>
    /// <exception cref="InterfuseException">A setting is unsound.</exception>
    internal static WebApplication Build(IConfiguration configuration, Action<IServiceCollection> addEngine)
    {
        try
        {
            return ServerApplication.Build(configuration, addEngine);
        }
        catch (Exception error) when (Fault(error) is { } fault)
        {
            throw new InterfuseException($"The configuration is unsound: {fault}");
        }
    }

    /// <summary>Starts a server.</summary>
    /// <exception cref="InterfuseException">A setting or a model is at fault.</exception>
    /// <exception cref="IOException">The address is taken.</exception>
    internal static async Task StartAsync(
        WebApplication app, Action<IServiceProvider>? check = null, CancellationToken cancellation = default)
    {
        try
        {
            // Fails now, and not when the first client asks, if a folder is not there.
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            app.Services.GetRequiredService<ModelAdmin>();
            check?.Invoke(app.Services);
            await StartHostAsync(app, cancellation);
        }
        catch (Exception error) when (Fault(error) is { } fault)
        {
            throw new InterfuseException($"The configuration is unsound: {fault}");
        }
    }

    /// <summary>The address that a server listens at.</summary>
    internal static string AddressOf(WebApplication app) => app.Services.GetRequiredService<IServer>()
        .Features.Get<IServerAddressesFeature>()!.Addresses.First();

    private static async Task StartHostAsync(WebApplication app, CancellationToken cancellation)
    {
        try
        {
            await app.StartAsync(cancellation);
        }
        catch
        {
            // What has started already ends first: a model may be on its way in.
            await app.StopAsync(CancellationToken.None);
            throw;
        }
    }

    private static void CheckWork(IServiceProvider services)
    {
        bool hasModels = services.GetRequiredService<IOptions<InterfuseOptions>>().Value.Models.Count > 0;
        if (!hasModels && !services.GetRequiredService<IOptions<HttpOptions>>().Value.Keys.Any(key => key.Admin))
        {
            throw new InterfuseException(
                "There is nothing to serve: name a model or a pack, or configure a key for administration, which can load some.");
        }
    }

    // Which settings are unsound, or null where something else is wrong.
    private static string? Fault(Exception error) => error switch
    {
        OptionsValidationException several => string.Join("; ", several.Failures),
        InvalidOperationException when error.Source == typeof(ConfigurationBinder).Assembly.GetName().Name => error.Message,
        AggregateException several => several.InnerExceptions.Select(Fault).FirstOrDefault(fault => fault is not null),
        _ => null,
    };
}
