using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Jobs;

/// <summary>Puts merge jobs into a host.</summary>
public static class MergeJobServices
{
    /// <summary>Adds <see cref="IMergeJobs"/> and the service that does the jobs.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="configure">Sets what the section <see cref="MergeJobOptions.Section"/> of the configuration does not.</param>
    public static IServiceCollection AddMergeJobs(
        this IServiceCollection services, Action<MergeJobOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        OptionsBuilder<MergeJobOptions> options =
            services.AddOptions<MergeJobOptions>().BindConfiguration(MergeJobOptions.Section).ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<MergeJobOptions>, MergeJobOptionsValidator>());
        services.TryAddSingleton<MergeJobs>();
        services.TryAddSingleton<IMergeJobs>(provider => provider.GetRequiredService<MergeJobs>());
        services.AddHostedService<MergeRunner>();
        return services;
    }
}
