using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Engine;

/// <summary>Loads the configured models with the host, and ends what runs when it stops.</summary>
internal sealed partial class EngineLifetime(
    ModelRegistry registry,
    IOptions<InterfuseOptions> options,
    IHostApplicationLifetime lifetime,
    TimeProvider clock,
    ILogger<EngineLifetime> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private CancellationTokenRegistration _stopping;
    private Task _loading = Task.CompletedTask;
    private ITimer? _drain;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before other services are stopped: they may wait for requests that are running.
        _stopping = lifetime.ApplicationStopping.Register(Drain);
        if (options.Value.LoadInBackground)
        {
            _loading = LoadInBackgroundAsync();
        }
        else
        {
            await registry.LoadConfiguredAsync(cancellationToken);
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Drain();
        await _loading;
        try
        {
            await registry.CloseAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            registry.Abort();
        }
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _drain?.Dispose();
        _stop.Dispose();
    }

    private async Task LoadInBackgroundAsync()
    {
        // The host goes on starting.
        await Task.Yield();
        try
        {
            await registry.LoadConfiguredAsync(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
#pragma warning disable CA1031 // Whatever it is, the registry keeps it for whoever started the host, and the host can't go on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            LogNotLoaded(fault);
            lifetime.StopApplication();
        }
    }

    private void Drain()
    {
        if (_drain is null)
        {
            registry.BeginEnding();
            _stop.Cancel();
            _drain = clock.CreateTimer(
                _ => registry.Abort(), state: null, options.Value.DrainTime, Timeout.InfiniteTimeSpan);
        }
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "A configured model can't be loaded")]
    private partial void LogNotLoaded(Exception fault);
}
