namespace Interfuse.Server.Jobs;

/// <summary>The job that is at work in this process.</summary>
internal sealed class ActiveJob : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile MergeWork? _work;
    private volatile bool _isCancelled;

    /// <param name="job">The job, as it was begun.</param>
    /// <param name="stopping">The process is to end.</param>
    public ActiveJob(MergeJob job, CancellationToken stopping)
    {
        Job = job;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
    }

    /// <summary>The job, as it was begun.</summary>
    public MergeJob Job { get; }

    /// <summary>What it does, when that is planned.</summary>
    public MergeWork? Work
    {
        get => _work;
        set => _work = value;
    }

    /// <summary>Cancelled when it is to stop, for good or until the next start.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Whether it is to stop for good.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>Over when what became of the job has been written down.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Makes it stop for good.</summary>
    public void Cancel()
    {
        _isCancelled = true;
        _stop.Cancel();
    }

    /// <summary>Says that it has ended.</summary>
    public void End() => _ended.TrySetResult();

    public void Dispose() => _stop.Dispose();
}
