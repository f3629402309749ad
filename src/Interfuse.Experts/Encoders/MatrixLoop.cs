using Interfuse.Compute;
using Interfuse.Merging.Execution;

namespace Interfuse.Experts.Encoders;

/// <summary>Runs over the chunks of a pack's matrices on several threads.</summary>
internal static class MatrixLoop
{
    /// <summary>Calls <paramref name="visit"/> for every chunk, in order, on as many threads as there are.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="chunks">The chunks, at least one.</param>
    /// <param name="device">What to compute on.</param>
    /// <param name="threads">How many threads.</param>
    /// <param name="progress">Counts what is read.</param>
    /// <param name="visit">Does a chunk; several run at once.</param>
    /// <param name="cancellation">Stops between two chunks.</param>
    public static void Run(
        PackPlan plan,
        IReadOnlyList<MatrixChunk> chunks,
        Device device,
        int threads,
        MergeProgress progress,
        Action<MatrixWorker, MatrixChunk> visit,
        CancellationToken cancellation)
    {
        int[] tensors = [.. chunks.Select(chunk => chunk.Tensor).Distinct()];
        using var readAhead = new ReadAhead([.. tensors.Select(tensor => plan.Tensors[tensor].Inputs)]);
        int next = -1;
        Exception? failure = null;
        WorkerThreads.Run(Math.Min(threads, chunks.Count), plan.Options.InBackground, Work);
        cancellation.ThrowIfCancellationRequested();
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        void Work()
        {
            try
            {
                using var worker = new MatrixWorker(plan, chunks, device, progress);
                for (int chunk = Interlocked.Increment(ref next);
                    chunk < chunks.Count && Volatile.Read(ref failure) is null && !cancellation.IsCancellationRequested;
                    chunk = Interlocked.Increment(ref next))
                {
                    if (chunks[chunk].Index == 0)
                    {
                        readAhead.Opened(Array.IndexOf(tensors, chunks[chunk].Tensor));
                    }

                    visit(worker, chunks[chunk]);
                }
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref failure, error, null);
            }
        }
    }
}
