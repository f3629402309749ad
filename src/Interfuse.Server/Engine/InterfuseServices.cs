using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Engine;

/// <summary>Puts the engine into a host.</summary>
public static class InterfuseServices
{
    /// <summary>
    /// Adds <see cref="IExpertEngine"/> and <see cref="IModelRegistry"/>, as <see cref="InterfuseOptions.Section"/> of the host's
    /// configuration says. Configured models are loaded when the host starts; when it stops, running requests are
    /// answered first.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Sets options after the configuration has.</param>
    /// <exception cref="OptionsValidationException">At the host's start: an option is outside its range.</exception>
    public static IServiceCollection AddInterfuse(
        this IServiceCollection services, Action<InterfuseOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        OptionsBuilder<InterfuseOptions> options = services
            .AddOptions<InterfuseOptions>()
            .BindConfiguration(InterfuseOptions.Section)
            .ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        services.AddMetrics();
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<InterfuseOptions>, InterfuseOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<EngineMeters>();
        services.TryAddSingleton<ModelRegistry>();
        services.TryAddSingleton<IModelRegistry>(provider => provider.GetRequiredService<ModelRegistry>());
        services.TryAddSingleton<IExpertEngine, ExpertEngine>();
        services.AddHostedService<EngineLifetime>();
        return services;
    }
}
