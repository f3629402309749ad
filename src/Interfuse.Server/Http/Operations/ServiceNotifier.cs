using Interfuse.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;

namespace Interfuse.Server.Http.Operations;

/// <summary>Tells systemd when the service is ready, and when it ends (<c>sd_notify</c>); does nothing elsewhere.</summary>
internal sealed class ServiceNotifier(
    ISystemdNotifier notifier, IModelRegistry registry, IHostApplicationLifetime lifetime) : BackgroundService
{
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!notifier.IsEnabled)
        {
            return;
        }

        using CancellationTokenRegistration listening = lifetime.ApplicationStarted.Register(_listening.SetResult);
        using CancellationTokenRegistration ending =
            lifetime.ApplicationStopping.Register(() => notifier.Notify(ServiceState.Stopping));
        try
        {
            await _listening.Task.WaitAsync(stoppingToken);
            await registry.Loaded.WaitAsync(stoppingToken);
        }
        catch (Exception error) when (error is OperationCanceledException or InterfuseException)
        {
            // The process ends; whoever started it says why.
            return;
        }

        notifier.Notify(ServiceState.Ready);
        await Task.Delay(Timeout.Infinite, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
