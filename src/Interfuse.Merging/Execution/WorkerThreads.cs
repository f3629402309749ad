using System.Runtime.InteropServices;

namespace Interfuse.Merging.Execution;

/// <summary>Runs one piece of work on several threads.</summary>
internal static partial class WorkerThreads
{
    // A thread that steps back by so much gets a tenth of what one gets that does not, where both want a processor
    // (sched(7)).
    private const int Step = 10;
    private const int Lowest = 19;

    // With 0 as the number: of the calling thread (setpriority(2), where Linux departs from POSIX).
    private const int OfThread = 0;

    /// <summary>Runs the work on every thread, and returns when the last one has ended.</summary>
    /// <param name="count">How many threads.</param>
    /// <param name="inBackground">Whether they step back for others, see <see cref="Planning.MergeOptions.InBackground"/>.</param>
    /// <param name="work">The work; it throws nothing.</param>
    public static void Run(int count, bool inBackground, Action work)
    {
        Thread[] workers = [.. Enumerable.Range(0, count).Select(index => new Thread(() =>
        {
            if (inBackground)
            {
                StepBack();
            }

            work();
        })
        {
            Name = $"interfuse worker {index}",
            IsBackground = true,
        })];
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
    }

    // .NET leaves priorities alone on Linux. It is a courtesy, so nothing depends on whether it could be done.
    private static void StepBack()
    {
        Thread.CurrentThread.Priority = ThreadPriority.BelowNormal;
        if (OperatingSystem.IsLinux())
        {
            _ = setpriority(OfThread, 0, Math.Min(Lowest, getpriority(OfThread, 0) + Step));
        }
    }

    [LibraryImport("libc")]
    private static partial int getpriority(int which, uint who);

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int prio);
}
