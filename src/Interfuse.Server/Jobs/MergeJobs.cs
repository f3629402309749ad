using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Interfuse.Server.Jobs;

/// <summary>Takes jobs, tells of them and cancels them; <see cref="MergeRunner"/> does them.</summary>
internal sealed class MergeJobs : IMergeJobs, IDisposable
{
    // Until a job of common size may have ended.
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly MergeJobOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly MergeMeters _meters;
    private readonly Lazy<(JobStore Store, JobFolders Folders)> _opened;

    // One sign is enough: the runner takes jobs until there is none.
    private readonly Channel<bool> _added = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private ActiveJob? _active;
    private long _bytesWritten;

    public MergeJobs(
        IOptions<MergeJobOptions> options, IMeterFactory meters, ILogger<MergeJobs> logger, TimeProvider time)
    {
        _options = options.Value;
        _logger = logger;
        _time = time;
        _opened = new(() => (JobStore.Open(_options.StateFolder!), new JobFolders(_options)));
        _meters = new MergeMeters(meters, this);
    }

    /// <summary>Whether there are merge jobs.</summary>
    public bool AreOn => _options.AreOn;

    /// <summary>The list of jobs.</summary>
    /// <exception cref="InterfuseException">It, or a folder, can't be opened.</exception>
    public JobStore Store => _opened.Value.Store;

    /// <summary>The folders of jobs.</summary>
    public JobFolders Folders => _opened.Value.Folders;

    /// <summary>Comes true when a job was added since it was last read.</summary>
    public ChannelReader<bool> Added => _added.Reader;

    /// <summary>Bytes of results that were written since the process began.</summary>
    public long BytesWritten
    {
        get
        {
            lock (_gate)
            {
                return _bytesWritten + (_active?.Work?.BytesWritten ?? 0);
            }
        }
    }

    public MergeJob Submit(MergeRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        EnsureOn();
        if (Store.IsMaking(request.Output))
        {
            throw IsMade(request.Output);
        }

        Folders.CheckNewOutput(request.Output);
        string device = DeviceOf(request);
        int threads = ThreadsOf(request);
        if (Store.CountOf(MergeJobState.Queued) >= _options.MaxQueued)
        {
            throw Busy();
        }

        (Recipe recipe, IReadOnlyList<string> warnings) = Check(request.Recipe, threads);
        var job = new MergeJob
        {
            Id = $"merge-{Guid.CreateVersion7():N}",
            State = MergeJobState.Queued,
            Recipe = recipe.Text,
            Output = request.Output,
            Method = recipe.MergeMethod,
            Device = device,
            Threads = threads,
            CreatedAt = _time.GetUtcNow(),
            Warnings = warnings,
        };
        switch (Store.Add(job, _options.MaxQueued))
        {
            case JobAddition.Full:
                throw Busy();
            case JobAddition.OutputTaken:
                throw IsMade(job.Output);
        }

        MergeLog.Queued(_logger, job.Id, job.Method, job.Output);
        _added.Writer.TryWrite(true);
        return Find(job.Id);
    }

    public MergeJob Find(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        EnsureOn();
        return Store.Find(id) is { } job ? WithProgress(job) : throw Unknown(id: "id");
    }

    public IReadOnlyList<MergeJob> List(int limit, string? after = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        EnsureOn();
        return Store.List(limit, after) is { } jobs ? [.. jobs.Select(WithProgress)] : throw Unknown(id: "after");
    }

    public async Task<MergeJob> CancelAsync(string id, CancellationToken cancellation = default)
    {
        EnsureOn();
        if (Stop(id) is { } ended)
        {
            await ended.WaitAsync(cancellation).ConfigureAwait(false);
        }

        return Find(id);
    }

    /// <summary>The options that a job is merged with.</summary>
    public MergeOptions OptionsOf(int threads, Device? device) => new()
    {
        Threads = threads,
        MaxMemory = _options.MaxMemory,
        ShardSize = _options.ShardSize,
        Resume = true,
        InBackground = true,
        Device = device,
    };

    /// <summary>Begins the job that has waited longest; null where none waits.</summary>
    /// <param name="stopping">The process is to end.</param>
    public ActiveJob? TakeNext(CancellationToken stopping)
    {
        lock (_gate)
        {
            return Store.Take(_time.GetUtcNow()) is { } job ? _active = new ActiveJob(job, stopping) : null;
        }
    }

    /// <summary>Says that the job at work is so no longer; what became of it has been written down.</summary>
    public void Release(ActiveJob active)
    {
        lock (_gate)
        {
            _bytesWritten += active.Work?.BytesWritten ?? 0;
            _active = null;
        }

        active.End();
        active.Dispose();
    }

    /// <summary>Ends a job.</summary>
    public void Finish(MergeJob job, MergeJobState state, string? error = null, MergeJobResult? result = null)
    {
        Store.Finish(job.Id, state, _time.GetUtcNow(), error, result, _options.MaxFinished);
        _meters.Ended(state);
    }

    /// <summary>Deletes what a job left beside its target.</summary>
    public void Clear(MergeJob job)
    {
        try
        {
            StagedDirectory.Clear(Folders.OutputAt(job.Output));
        }
        catch (Exception error) when (error is InterfuseException or IOException or UnauthorizedAccessException)
        {
            MergeLog.NotCleared(_logger, job.Id, error.Message);
        }
    }

    public void Dispose()
    {
        if (_opened.IsValueCreated)
        {
            Store.Dispose();
        }
    }

    // What is to be waited for before the job has stopped, or null.
    private Task? Stop(string id)
    {
        lock (_gate)
        {
            MergeJob job = Find(id);
            switch (job.State)
            {
                case MergeJobState.Queued:
                    // It may have been put aside in the middle.
                    Clear(job);
                    Finish(job, MergeJobState.Cancelled);
                    MergeLog.Cancelled(_logger, id);
                    return null;

                case MergeJobState.Running:
                    Store.Stop(id);
                    if (_active is not { } active || active.Job.Id != id)
                    {
                        return null;
                    }

                    active.Cancel();
                    return active.Ended;

                case MergeJobState.Cancelled:
                    return null;

                default:
                    throw new MergeJobException(
                        MergeJobFault.Conflict, $"The job is {JobStore.Word(job.State)}, so there is nothing to cancel.", "id");
            }
        }
    }

    private (Recipe Recipe, IReadOnlyList<string> Warnings) Check(string yaml, int threads)
    {
        try
        {
            Recipe recipe = JobRecipe.Read(yaml, Folders);
            using MergeWork work = MergeWork.Plan(recipe, OptionsOf(threads, device: null));
            return (recipe, [.. work.Warnings.Select(Folders.Shown)]);
        }
        catch (RecipeException error)
        {
            throw JobRecipe.Refusal(error, Folders);
        }
        catch (Exception error) when (JobFailure.IsExpected(error))
        {
            throw new MergeJobException(MergeJobFault.BadRequest, JobFailure.Reason(error, Folders), "recipe");
        }
    }

    private string DeviceOf(MergeRequest request)
    {
        string device = request.Device ?? _options.Device;
        return Devices.Names.Contains(device)
            ? device
            : throw new MergeJobException(
                MergeJobFault.BadRequest, $"'device' is none of {string.Join(", ", Devices.Names)}.", "device");
    }

    private int ThreadsOf(MergeRequest request)
    {
        int most = _options.ThreadCount;
        int threads = request.Threads ?? most;
        return threads >= 1 && threads <= most
            ? threads
            : throw new MergeJobException(MergeJobFault.BadRequest, $"'threads' is not 1 to {most}.", "threads");
    }

    private MergeJob WithProgress(MergeJob job)
    {
        lock (_gate)
        {
            return job.State == MergeJobState.Running && _active is { Work: { } work } active && active.Job.Id == job.Id
                ? job with { Progress = work.Progress }
                : job;
        }
    }

    private void EnsureOn()
    {
        if (!AreOn)
        {
            throw new MergeJobException(
                MergeJobFault.NotConfigured,
                "This server runs no merge jobs: its configuration names no folder for their results.");
        }
    }

    private static MergeJobException Unknown(string id) =>
        new(MergeJobFault.UnknownJob, "There is no such merge job, or it ended so long ago that it is forgotten.", id);

    private static MergeJobException IsMade(string output) =>
        new(MergeJobFault.Conflict, $"Another job that has not ended makes '{output}'; choose another name.", "output");

    private static MergeJobException Busy() =>
        new(MergeJobFault.Busy, "As many merge jobs wait as may; try again later.") { RetryAfter = RetryAfter };
}
