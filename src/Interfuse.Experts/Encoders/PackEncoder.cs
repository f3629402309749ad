using System.Diagnostics;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;

namespace Interfuse.Experts.Encoders;

/// <summary>Makes an expert pack: measures the experts, decides which rows they share, and writes the pack.</summary>
/// <remarks>
/// The models are read twice, a chunk of rows at a time. First every channel's Gram matrix is computed, from which the
/// groups follow; then each group's row is merged and written at its final place. What a <see cref="MatrixMethod"/> stores
/// whole comes after that, a matrix at a time. Meanwhile what comes next is read ahead, and what is written is brought to
/// the disk and hashed. The bytes depend on the models, the recipe and the shard size, and on
/// nothing else.
/// </remarks>
public sealed class PackEncoder
{
    private readonly PackPlan _plan;
    private readonly MergeProgress _progress;
    private readonly Device _device;
    private readonly CancellationToken _cancellation;
    private readonly MatrixChunk[] _chunks;
    private readonly MatrixMethod? _method;
    private readonly WholeMatrices? _whole;
    private readonly double? _budget;
    private readonly int _threads;

    private PackEncoder(PackPlan plan, MergeProgress progress, CancellationToken cancellation)
    {
        _plan = plan;
        _progress = progress;
        _device = plan.Options.Device ?? new CpuDevice(threads: 1);
        _cancellation = cancellation;
        _chunks = [.. plan.Tensors.SelectMany((matrix, tensor) => matrix.IsWhole ? [] : MatrixChunk.Of(matrix, tensor))];
        _budget = plan.Method.RowBudgetOf(plan.Recipe);
        _method = plan.Method as MatrixMethod;
        _threads = ThreadsWithin(out long wholeMemory);
        _whole = _method is null ? null : new WholeMatrices(plan, _method, progress, wholeMemory, cancellation);
    }

    /// <summary>Encodes. The pack appears at the target when it is complete and on the disk, and not before.</summary>
    /// <param name="plan">The plan; its models stay open.</param>
    /// <param name="target">The directory to make.</param>
    /// <param name="progress">Shows how far it is while it runs.</param>
    /// <param name="cancellation">Stops; what is finished and on the disk is kept beside the target, to be resumed.</param>
    /// <exception cref="InterfuseException">The target can't be used, the budget is too small, or an input turned out unsound.</exception>
    /// <exception cref="IOException">Reading or writing failed.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static EncodingReport Run(
        PackPlan plan, string target, MergeProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(progress);
        return new PackEncoder(plan, progress, cancellation).Run(target);
    }

    private EncodingReport Run(string target)
    {
        long begin = Stopwatch.GetTimestamp();
        TargetRule.RefuseInputs(target, _plan.ModelPaths);
        using StagedDirectory staged =
            StagedDirectory.Open(target, _plan.Options.Overwrite, _plan.Options.Resume);
        string fingerprint = _plan.Fingerprint();
        Dictionary<int, FinishedTensor> finished = [];
        Journal? earlier = staged.Resumed
            ? Journal.Resume(
                staged.Path, fingerprint, _plan.TensorCount, out finished, _method?.FigureCount(_plan.Experts.Count) ?? 0)
            : null;
        PackLayout layout;
        DeltaEnergies?[] energies;
        int resumed;
        PackManifest manifest;
        try
        {
            layout = PackDecision.Decide(_plan, Measure(), _whole?.Measure() ?? [], _budget);
            using var hashes = new ShardHashes(staged.Path, layout);
            (resumed, energies) = Write(staged.Path, layout, earlier, fingerprint, finished, hashes);
            PackFiles.WriteSideFiles(_plan, staged.Path);
            manifest = PackFiles.WriteManifest(
                _plan, layout, energies, hashes.Complete(_cancellation), staged.Path);
        }
        catch (Exception error) when (error is not OperationCanceledException && earlier is null)
        {
            // Nothing half-written is left; but what an earlier run had finished is not thrown away for a later one's failure.
            staged.Discard();
            throw;
        }

        staged.Publish(Journal.FileName);
        return new EncodingReport(
            staged.Target, manifest, Stopwatch.GetElapsedTime(begin), _threads, _device.Name, resumed, layout.TensorBytes,
            [.. finished.Values.Where(tensor => tensor.NonFinite > 0).OrderBy(tensor => tensor.Index)
                .Select(tensor => new NonFiniteTensor(_plan.Tensors[tensor.Index].Spec.Name, tensor.NonFinite))],
            [.. layout.Tensors.Select(tensor => tensor.TotalBytes(_plan.Experts.Count))]);
    }

    private MatrixMeasure?[] Measure()
    {
        int[] chunks = new int[_plan.TensorCount];
        foreach (MatrixChunk chunk in _chunks)
        {
            chunks[chunk.Tensor]++;
        }

        MatrixMeasure?[] measures = [.. _plan.Tensors.Select((matrix, tensor) =>
            matrix.Grouping is null || matrix.IsWhole || matrix.Spec.ElementCount == 0
                ? null
                : new MatrixMeasure(
                    matrix, _plan.Experts.Count, chunks[tensor], _budget is not null && PackDecision.IsGrouped(matrix)))];
        MatrixChunk[] measured = [.. _chunks.Where(chunk => measures[chunk.Tensor] is not null)];
        MatrixLoop.Run(
            _plan, measured, _device, _threads, _progress,
            (worker, chunk) => measures[chunk.Tensor]!.Visit(worker, chunk), _cancellation);
        return measures;
    }

    /// <summary>
    /// Writes what is not in <paramref name="finished"/> yet, and adds it; gives how many tensors were, and all energies.
    /// </summary>
    private (int Resumed, DeltaEnergies?[] Energies) Write(
        string directory,
        PackLayout layout,
        Journal? earlier,
        string fingerprint,
        Dictionary<int, FinishedTensor> finished,
        ShardHashes hashes)
    {
        // The journal comes first: shards without one could be another run's, and be published with this one's.
        using Journal journal = earlier ?? Journal.Create(directory, fingerprint);
        WriteTables(directory, layout);
        using var files = new PackWriters(directory, layout, resumes: earlier is not null);

        // A shard that has gone missing was made anew: what the journal says of its tensors is no longer so. Nor is what
        // it says of a tensor that is stored otherwise than it was.
        foreach (int tensor in finished.Keys.Where(tensor => files.IsNew(tensor)
            || _plan.Tensors[tensor].IsWhole != finished[tensor].Figures.Count > 0).ToArray())
        {
            finished.Remove(tensor);
        }

        int resumed = finished.Count;
        foreach (int tensor in finished.Keys)
        {
            _progress.BytesResumed += layout.Tensors[tensor].TotalBytes(_plan.Experts.Count);
            _progress.TensorDone();
            hashes.Add(tensor);
        }

        Encode(layout, files, journal, finished, hashes);
        DeltaEnergies?[] energies = Energies(layout, files, finished);
        files.Complete();
        return (resumed, energies);
    }

    private DeltaEnergies?[] Energies(PackLayout layout, PackWriters files, Dictionary<int, FinishedTensor> finished)
    {
        DeltaEnergies?[] whole = _method?.Finish(
            _plan,
            layout,
            [.. _plan.Tensors.Select((matrix, tensor) => matrix.IsWhole ? finished[tensor].Figures : null)],
            files) ?? [];
        return [.. layout.Tensors.Select((stored, tensor) =>
            stored.Matrix.IsWhole ? whole[tensor] : ((StoredMatrix)stored).Energies)];
    }

    private void Encode(
        PackLayout layout, PackWriters files, Journal journal, Dictionary<int, FinishedTensor> finished, ShardHashes hashes)
    {
        MatrixChunk[] todo = [.. _chunks.Where(chunk => !finished.ContainsKey(chunk.Tensor))];
        int[] wholeTodo = [.. Enumerable.Range(0, _plan.TensorCount).Where(tensor => !finished.ContainsKey(tensor))];
        int[] left = new int[_plan.TensorCount];
        long[] nonFinite = new long[_plan.TensorCount];
        foreach (MatrixChunk chunk in todo)
        {
            left[chunk.Tensor]++;
        }

        Exception? flushing = null;
        using (var writeBehind = new WriteBehind(
            journal, tensor => layout.Tensors[tensor].TotalBytes(_plan.Experts.Count), files.Flush, error => flushing ??= error))
        {
            writeBehind.Start();
            MatrixLoop.Run(
                _plan, todo, _device, _threads, _progress,
                (worker, chunk) =>
                {
                    Interlocked.Add(ref nonFinite[chunk.Tensor], Encode(worker, chunk, layout, files.Banks));
                    if (Interlocked.Decrement(ref left[chunk.Tensor]) == 0)
                    {
                        Finish(new FinishedTensor(chunk.Tensor, nonFinite[chunk.Tensor]));
                    }
                },
                _cancellation);
            using var writing = new WriteThread();
            _whole?.Run(wholeTodo, (bench, tensor) =>
            {
                var output = new MatrixOutput(layout, tensor, files, writing, bench.Queue, _progress);
                double[] figures = layout.Tensors[tensor] is WholeMatrix whole
                    ? _method!.Encode(bench, whole, output)
                    : KeptMatrix.Encode(bench, output).ToFigures();
                output.Complete(nonFinite => Finish(new FinishedTensor(tensor, nonFinite) { Figures = figures }));
            });
            writing.Complete();

            void Finish(FinishedTensor tensor)
            {
                lock (finished)
                {
                    finished[tensor.Index] = tensor;
                }

                writeBehind.Add(tensor);
                hashes.Add(tensor.Index);
                _progress.TensorDone();
            }
        }

        // Write-behind has ended, so a flush that failed last is known: the system reports such a failure only once.
        if (flushing is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(flushing);
        }
    }

    private long Encode(MatrixWorker worker, MatrixChunk chunk, PackLayout layout, CheckpointWriter writer)
    {
        var stored = (StoredMatrix)layout.Tensors[chunk.Tensor];
        PlannedMatrix matrix = stored.Matrix;
        worker.Read(matrix, chunk);
        long first = stored.BankStart(chunk.FirstRow);
        ReadOnlySpan<byte> bytes;
        long nonFinite = 0;
        if (matrix.Grouping is null)
        {
            bytes = worker.BaseBytes;
        }
        else
        {
            int rows = checked((int)(stored.BankStart(chunk.FirstRow + chunk.Rows) - first));
            stored.FillTable(
                chunk.FirstRow, chunk.Rows, _plan.Experts.Count, first, worker.Table(chunk.Rows));
            int spare = stored.SetTwinsApart(
                chunk.FirstRow, chunk.Rows, _plan.Experts.Count, rows, worker.Table(chunk.Rows));
            bytes = worker.Merge(matrix, chunk.Rows, rows, spare, out nonFinite);
        }

        writer.Write(chunk.Tensor, first * matrix.RowBytes, bytes);
        _progress.Wrote(bytes.Length);
        return nonFinite;
    }

    private void WriteTables(string directory, PackLayout layout)
    {
        if (layout.Index is not { } index)
        {
            return;
        }

        using CheckpointWriter writer = CheckpointWriter.Create(directory, index);
        int table = 0;
        foreach (StoredMatrix stored in layout.Tensors.Where(tensor => tensor.HasTable).Cast<StoredMatrix>())
        {
            int rows = checked((int)stored.Matrix.Channels);
            int[] values = new int[checked(rows * _plan.Experts.Count)];
            stored.FillTable(0, rows, _plan.Experts.Count, origin: 0, values);
            writer.Write(table++, 0, MemoryMarshal.AsBytes<int>(values));
        }

        writer.Complete();
    }

    private int ThreadsWithin(out long wholeMemory)
    {
        long experts = _plan.Experts.Count;
        PlannedMatrix[] byRows = [.. _plan.Tensors.Where(tensor => !tensor.IsWhole)];
        long grams = _budget is null ? 0 : byRows.Where(PackDecision.IsGrouped)
            .Sum(matrix => matrix.Units * ChannelMatrix.PackedLength((int)experts) * sizeof(double));
        long groups = byRows.Sum(matrix => (2 * matrix.Units * experts) + (matrix.Channels * sizeof(int)));
        long each = _chunks.Length == 0 ? 0 : MatrixWorker.BytesFor(_plan, _chunks);
        long whole = _method is null ? 0 : MatrixBench.LeastBytes(_plan, _method);
        long fixedBytes = Merger.RuntimeBytes + (2 * grams) + groups;
        long least = fixedBytes + Math.Max(each, whole);
        if (_plan.Options.MaxMemory < least)
        {
            throw new InterfuseException(
                $"this pack needs at least {(least >> 20) + 1} MiB of memory, but --max-memory allows {_plan.Options.MaxMemory >> 20} MiB");
        }

        wholeMemory = _plan.Options.MaxMemory - fixedBytes;
        return each == 0
            ? _plan.Options.Threads
            : (int)Math.Clamp(wholeMemory / each, 1, _plan.Options.Threads);
    }
}
