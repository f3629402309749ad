using System.Runtime.ExceptionServices;

namespace Interfuse.Compute;

/// <summary>
/// A queue's further threads, which do the parts of one operation after the other together with the thread that asks.
/// </summary>
/// <remarks>
/// A decoder's operations take some microseconds each, and waking a thread takes longer than that. So a worker looks for the next
/// operation for a while before it sleeps, and an operation never waits for one that is still asleep: it waits only for
/// those that have begun. For one caller at a time.
/// </remarks>
internal sealed class CpuWorkers : IDisposable
{
    // How often a worker looks, and how long it waits in between, before it sleeps: about as long as waking it takes.
    private const int Looks = 2000;
    private const int Pause = 4;

    private readonly Worker[] _workers;
    private Action<int, int>? _part;
    private Exception? _failure;
    private int _parts;
    private int _next;
    private int _operation;
    private int _inside;
    private int _isOpen;
    private volatile bool _ends;

    /// <summary>Starts threads, besides the caller's.</summary>
    /// <param name="count">How many, 1 or more.</param>
    public CpuWorkers(int count)
    {
        _workers = [.. Enumerable.Range(1, count).Select(number => new Worker(this, number))];
        Array.ForEach(_workers, worker => worker.Thread.Start());
    }

    /// <summary>Does the parts 0 to <paramref name="parts"/> - 1, each once, on this thread and the workers.</summary>
    /// <param name="parts">How many there are.</param>
    /// <param name="part">Does one: is given the number of the thread, 0 for the caller's, and that of the part.</param>
    public void Run(int parts, Action<int, int> part)
    {
        // Nobody is inside, so nobody reads these.
        _part = part;
        _parts = parts;
        _next = -1;
        _failure = null;
        Interlocked.Exchange(ref _isOpen, 1);
        Interlocked.Increment(ref _operation);
        for (int worker = 0; worker < Math.Min(_workers.Length, parts - 1); worker++)
        {
            _workers[worker].Wake();
        }

        DoParts(thread: 0);

        // A worker that comes now turns back; the others are waited for.
        Interlocked.Exchange(ref _isOpen, 0);
        var wait = new SpinWait();
        while (Volatile.Read(ref _inside) > 0)
        {
            wait.SpinOnce(sleep1Threshold: -1);
        }

        _part = null;
        if (_failure is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _ends = true;
        foreach (Worker worker in _workers)
        {
            worker.Wake();
            worker.Thread.Join();
            worker.Dispose();
        }
    }

    private void DoParts(int thread)
    {
        try
        {
            for (int part = Interlocked.Increment(ref _next); part < _parts; part = Interlocked.Increment(ref _next))
            {
                _part!(thread, part);
            }
        }
        catch (Exception e)
        {
            // The first failure is told, and no further part begun.
            Interlocked.CompareExchange(ref _failure, e, null);
            Interlocked.Exchange(ref _next, _parts);
        }
    }

    /// <summary>One thread.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly CpuWorkers _all;
        private readonly int _number;
        private readonly SemaphoreSlim _wake = new(0);
        private int _sleeps;

        public Worker(CpuWorkers all, int number)
        {
            _all = all;
            _number = number;
            Thread = new Thread(Work) { Name = $"interfuse compute {number}", IsBackground = true };
        }

        public Thread Thread { get; }

        public void Wake()
        {
            if (Interlocked.Exchange(ref _sleeps, 0) == 1)
            {
                _wake.Release();
            }
        }

        public void Dispose() => _wake.Dispose();

        private void Work()
        {
            for (int seen = 0; ;)
            {
                int operation = Next(seen);
                if (_all._ends)
                {
                    return;
                }

                seen = operation;

                // Whoever is counted before the operation closes is waited for, so what it reads stays as it is.
                Interlocked.Increment(ref _all._inside);
                if (Volatile.Read(ref _all._isOpen) == 1)
                {
                    _all.DoParts(_number);
                }

                // Also makes what was stored past the caches seen by whoever goes on.
                Interlocked.Decrement(ref _all._inside);
            }
        }

        // Waits for another operation than the one seen last, or the end.
        private int Next(int seen)
        {
            for (int look = 0; ; look++)
            {
                int operation = Volatile.Read(ref _all._operation);
                if (operation != seen || _all._ends)
                {
                    return operation;
                }

                if (look < Looks)
                {
                    Thread.SpinWait(Pause);
                    continue;
                }

                Interlocked.Exchange(ref _sleeps, 1);
                if ((Volatile.Read(ref _all._operation) != seen || _all._ends) && Interlocked.Exchange(ref _sleeps, 0) == 1)
                {
                    // Nobody saw it fall asleep.
                    continue;
                }

                _wake.Wait();
                look = 0;
            }
        }
    }
}
