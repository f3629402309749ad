using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Interfuse.Experts;

/// <summary>Work on all cores whose failures come out as they are.</summary>
internal static class Parallels
{
    /// <summary>Does every part, one at a time for each thread, beginning with the first ones.</summary>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    public static void Run<T>(IEnumerable<T> parts, Action<T> work, CancellationToken cancellation)
    {
        try
        {
            Parallel.ForEach(
                Partitioner.Create(parts, EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { CancellationToken = cancellation },
                work);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }
}
