using System.Runtime.ExceptionServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Analysis;

/// <summary>How far an analysis is; written by its threads, read by whoever shows it.</summary>
public sealed class AnalysisProgress
{
    private long _bytesRead;

    /// <summary>Bytes of tensors to read; 0 before it is known.</summary>
    public long BytesTotal { get; internal set; }

    /// <summary>Bytes of tensors read so far.</summary>
    public long BytesRead => Volatile.Read(ref _bytesRead);

    internal void Read(long bytes) => Interlocked.Add(ref _bytesRead, bytes);
}

/// <summary>Finds out how the models of a recipe differ, in one pass over them; writes nothing.</summary>
public static class Analyzer
{
    /// <summary>Compares the models of a recipe with its base and with each other.</summary>
    /// <remarks>The result depends on the models only, not on the device or the number of threads.</remarks>
    /// <param name="recipe">A recipe with a base, and with models, of any merge method.</param>
    /// <param name="device">Where Gram matrices are computed.</param>
    /// <param name="threads">How many threads read and count, 1 or more.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="RecipeException">The recipe has no base, or too few or too many models.</exception>
    /// <exception cref="CheckpointFormatException">The models can't be read or don't belong together.</exception>
    /// <exception cref="OutOfDeviceMemoryException">The device lacks memory for the threads' tiles.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> asked for it.</exception>
    public static ModelAnalysis Run(
        Recipe recipe, Device device, int threads, AnalysisProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(progress);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        using AnalysisInputs inputs = AnalysisInputs.Open(recipe);
        progress.BytesTotal = inputs.Tensors.Sum(tensor => tensor.Bytes);
        Compare(inputs.Tensors, device, threads, progress, cancellation);
        return new ModelAnalysis(
            inputs.Base.Path,
            inputs.Names,
            [.. inputs.Tensors.Select(tensor => tensor.Result())],
            CurveBuilder.Build(inputs.Tensors, inputs.Names.Count, threads, cancellation),
            inputs.Warnings);
    }

    private static void Compare(
        List<ComparedTensor> tensors, Device device, int threads, AnalysisProgress progress, CancellationToken cancellation)
    {
        AnalysisTile[] tiles = [.. tensors.SelectMany(tensor => tensor.Tiles())];
        int next = -1;
        try
        {
            Parallel.For(0, Math.Min(threads, tiles.Length), new ParallelOptions { MaxDegreeOfParallelism = threads }, (_, state) =>
            {
                using var worker = new AnalysisWorker(device, tensors);
                for (int i = Interlocked.Increment(ref next); i < tiles.Length; i = Interlocked.Increment(ref next))
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (state.IsExceptional)
                    {
                        return;
                    }

                    worker.Do(tiles[i]);
                    progress.Read(tiles[i].Tensor.Models.Sum(model => (long)tiles[i].Length * model.DType.Size()));
                }
            });
        }
        catch (AggregateException failures)
        {
            // One is enough to say what is wrong, and callers know its type.
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }
}
