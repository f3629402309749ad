using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace Interfuse.Merging.Execution;

/// <summary>Hands tiles to threads: tensor by tensor, several open at once so that nobody waits for the end of a pass.</summary>
/// <param name="jobs">The tensors, in the order they are to be opened; drawn one at a time, when a thread has nothing to do.</param>
/// <param name="maxOpen">How many tensors may be open at once.</param>
/// <param name="written">Told of each tensor whose last tile is written; called on the thread that wrote it.</param>
internal sealed class TileScheduler(IEnumerable<TensorJob> jobs, int maxOpen, Action<TensorJob> written)
{
    private readonly object _gate = new();
    private readonly IEnumerator<TensorJob> _jobs = jobs.GetEnumerator();
    private readonly List<TensorJob> _open = [];
    private ExceptionDispatchInfo? _failure;
    private bool _exhausted;
    private bool _stopped;

    /// <summary>Waits for tiles to work on; false when there will be none any more.</summary>
    public bool TryTake([NotNullWhen(true)] out TensorJob? job, out TileRun tiles)
    {
        lock (_gate)
        {
            while (!_stopped)
            {
                job = _open.Find(candidate => candidate.HasTiles);
                if (job is not null)
                {
                    tiles = job.TakeTiles();
                    return true;
                }

                if (_open.Count < maxOpen && !_exhausted)
                {
                    OpenNext();
                }
                else if (_open.Count == 0)
                {
                    break;
                }
                else
                {
                    Monitor.Wait(_gate);
                }
            }
        }

        (job, tiles) = (null, default);
        return false;
    }

    /// <summary>Says that the tiles taken are done; after a pass's last ones, this thread prepares the next pass.</summary>
    public void Finish(TensorJob job)
    {
        lock (_gate)
        {
            if (!job.FinishTiles())
            {
                return;
            }
        }

        Advance(job);
    }

    /// <summary>Ends the work: threads finish the tiles they have and get no more.</summary>
    public void Stop(Exception? failure = null)
    {
        lock (_gate)
        {
            _stopped = true;
            _failure ??= failure is null ? null : ExceptionDispatchInfo.Capture(failure);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Throws the failure that stopped the work, if one did.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    // Holds the lock on entry and exit, but not while the tensor is set up.
    private void OpenNext()
    {
        if (!_jobs.MoveNext())
        {
            _exhausted = true;
            return;
        }

        TensorJob job = _jobs.Current;
        _open.Add(job);
        Monitor.Exit(_gate);
        try
        {
            Advance(job);
        }
        finally
        {
            Monitor.Enter(_gate);
        }
    }

    private void Advance(TensorJob job)
    {
        job.PreparePass();
        if (job.IsWritten)
        {
            written(job);
        }

        lock (_gate)
        {
            if (job.IsWritten)
            {
                _open.Remove(job);
            }
            else
            {
                job.BeginPass();
            }

            Monitor.PulseAll(_gate);
        }
    }
}
