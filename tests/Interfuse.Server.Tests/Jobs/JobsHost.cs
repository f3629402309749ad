using Interfuse.Server.Jobs;
using Interfuse.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Interfuse.Server.Tests.Jobs;

/// <summary>A host that does merge jobs of models in <c>models</c>, into <c>outputs</c> of a folder.</summary>
internal sealed class JobsHost : IAsyncDisposable
{
    // Far beyond what any job needs: only one that hangs meets it.
    private static readonly TimeSpan HangGuard = TimeSpan.FromMinutes(2);

    private readonly IHost _host;

    private JobsHost(IHost host)
    {
        _host = host;
        Jobs = host.Services.GetRequiredService<IMergeJobs>();
    }

    public IMergeJobs Jobs { get; }

    /// <summary>Starts one.</summary>
    /// <param name="folder">Where its folders are.</param>
    /// <param name="models">Where the models are, if elsewhere.</param>
    /// <param name="configure">Sets more.</param>
    public static async Task<JobsHost> StartAsync(
        TempFolder folder, string? models = null, Action<MergeJobOptions>? configure = null)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.AddMergeJobs(options =>
        {
            options.ModelRoots.Add(models ?? folder["models"]);
            options.OutputRoot = folder["outputs"];
            options.StateFolder = folder["state"];
            options.Threads = 2;
            options.ShardSize = 5_000_000;
            configure?.Invoke(options);
        });
        Directory.CreateDirectory(folder["outputs"]);
        IHost host = builder.Build();
        try
        {
            await host.StartAsync();
            return new JobsHost(host);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    /// <summary>Waits until a job has ended.</summary>
    public Task<MergeJob> EndOf(MergeJob job) => Until(
        job, now => now.State is not (MergeJobState.Queued or MergeJobState.Running));

    /// <summary>Waits until something is true of a job.</summary>
    public async Task<MergeJob> Until(MergeJob job, Func<MergeJob, bool> condition)
    {
        long begin = Environment.TickCount64;
        while (true)
        {
            MergeJob now = Jobs.Find(job.Id);
            if (condition(now))
            {
                return now;
            }

            Assert.That(
                TimeSpan.FromMilliseconds(Environment.TickCount64 - begin), Is.LessThan(HangGuard), $"the job stays {now}");
            await Task.Delay(1);
        }
    }

    /// <summary>Changes the list of jobs of a host that has ended.</summary>
    public static void Change(TempFolder folder, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={folder["state", "merges.db"]};Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // The tests' own statements.
        command.CommandText = sql;
#pragma warning restore CA2100
        Assert.That(command.ExecuteNonQuery(), Is.Positive);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable disposable)
        {
            await disposable.DisposeAsync();
        }
    }
}
