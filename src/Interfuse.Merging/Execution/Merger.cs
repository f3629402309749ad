using System.Diagnostics;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Search;

namespace Interfuse.Merging.Execution;

/// <summary>Carries out a plan: reads, computes and writes on all threads, and puts the complete model at its final name.</summary>
public sealed class Merger
{
    // What the runtime itself takes before any buffer of ours.
    internal const long RuntimeBytes = 160L << 20;

    private readonly MergePlan _plan;
    private readonly string _target;
    private readonly MergeProgress _progress;

    private readonly Device _device;

    private Merger(MergePlan plan, string target, MergeProgress progress)
    {
        _plan = plan;
        _device = DeviceOf(plan);
        _target = Path.GetFullPath(target);
        _progress = progress;
    }

    /// <summary>Merges. The model appears at the target when it is complete and on the disk, and not before.</summary>
    /// <param name="plan">The plan; its models stay open.</param>
    /// <param name="target">The directory to make.</param>
    /// <param name="progress">Shows how far the merge is while it runs.</param>
    /// <param name="cancellation">Stops the merge; what is finished and on the disk is kept beside the target for <see cref="MergeOptions.Resume"/>.</param>
    /// <exception cref="InterfuseException">The target can't be used, or an input turned out unsound.</exception>
    /// <exception cref="IOException">Reading or writing failed.</exception>
    /// <exception cref="OperationCanceledException">The merge was stopped.</exception>
    public static MergeReport Run(MergePlan plan, string target, MergeProgress progress, CancellationToken cancellation) =>
        new Merger(plan, target, progress).Run(cancellation);

    /// <summary>Merges into a directory that is being made, in which a caller has work of its own, and publishes it.</summary>
    /// <param name="plan">The plan; its models stay open.</param>
    /// <param name="staged">The directory; it is left as it is when the merge fails.</param>
    /// <param name="scratchFiles">The caller's files in it that are not part of the result.</param>
    /// <param name="progress">Shows how far the merge is while it runs.</param>
    /// <param name="cancellation">Stops the merge.</param>
    internal static MergeReport Run(
        MergePlan plan,
        StagedDirectory staged,
        string[] scratchFiles,
        MergeProgress progress,
        CancellationToken cancellation) =>
        new Merger(plan, staged.Target, progress).Run(staged, scratchFiles, keepsOnFailure: true, cancellation);

    private MergeReport Run(CancellationToken cancellation)
    {
        ThreadsWithin(_plan);
        RefuseTooManyExperts();
        TargetRule.RefuseInputs(_target, _plan.ModelPaths);
        using StagedDirectory staged = StagedDirectory.Open(_target, _plan.Options.Overwrite, _plan.Options.Resume);
        if (ScoreJournal.IsIn(staged.Path))
        {
            throw new ResumeException(
                $"{staged.Path}: was begun as a search; run its recipe with --resume, or run without --resume to start over");
        }

        return Run(staged, [], keepsOnFailure: false, cancellation);
    }

    private MergeReport Run(
        StagedDirectory staged, string[] scratchFiles, bool keepsOnFailure, CancellationToken cancellation)
    {
        long begin = Stopwatch.GetTimestamp();
        int threads = ThreadsWithin(_plan);
        RefuseTooManyExperts();
        string fingerprint = _plan.Fingerprint();
        Dictionary<int, FinishedTensor> finished = [];
        Journal? earlier = staged.Resumed
            ? Journal.Resume(staged.Path, fingerprint, _plan.TensorCount, out finished)
            : null;
        int resumed;
        try
        {
            resumed = WriteWeights(staged.Path, earlier, fingerprint, finished, threads, cancellation);
            OutputWriter.WriteSideFiles(_plan, staged.Path);
        }
        catch (Exception error) when (error is not OperationCanceledException && earlier is null && !keepsOnFailure)
        {
            // Nothing half-written is left; but what an earlier run had finished is not thrown away for a later one's failure.
            staged.Discard();
            throw;
        }

        // Not within the above: a model that is complete stays where it is when it can't be put in place.
        staged.Publish([Journal.FileName, .. scratchFiles]);
        return new MergeReport(
            _target,
            Stopwatch.GetElapsedTime(begin),
            threads,
            _device.Name,
            resumed,
            [.. finished.Values.Where(tensor => tensor.NonFinite > 0).OrderBy(tensor => tensor.Index)
                .Select(tensor => new NonFiniteTensor(_plan.Tensors[tensor.Index].Output.Name, tensor.NonFinite))]);
    }

    /// <summary>Writes what is not in <paramref name="finished"/> yet, and adds it; gives how many tensors were.</summary>
    private int WriteWeights(
        string directory, Journal? earlier, string fingerprint, Dictionary<int, FinishedTensor> finished, int threads, CancellationToken cancellation)
    {
        // The journal comes first: shards without one could be another merge's, and be published with this one's.
        using Journal journal = earlier ?? Journal.Create(directory, fingerprint);
        using CheckpointWriter writer = earlier is null
            ? CheckpointWriter.Create(directory, _plan.Layout)
            : CheckpointWriter.Resume(directory, _plan.Layout);

        // A shard that has gone missing was made anew: what the journal says of its tensors is no longer so.
        foreach (int tensor in finished.Keys.Where(tensor => writer.IsNew(_plan.Layout[tensor].Shard)).ToArray())
        {
            finished.Remove(tensor);
        }

        int resumed = finished.Count;
        foreach (int tensor in finished.Keys)
        {
            _progress.BytesResumed += _plan.Tensors[tensor].Output.ByteLength;
            _progress.TensorDone();
        }

        Compute(writer, journal, finished, threads, cancellation);
        writer.Complete();
        return resumed;
    }

    private void Compute(
        CheckpointWriter writer, Journal journal, Dictionary<int, FinishedTensor> finished, int threads, CancellationToken cancellation)
    {
        int[] todo = [.. Enumerable.Range(0, _plan.Tensors.Count).Where(tensor => !finished.ContainsKey(tensor))];
        using ReadAhead readAhead = new([.. todo.Select(tensor => _plan.Tensors[tensor].Inputs)]);
        TileScheduler? scheduler = null;
        using (WriteBehind writeBehind = new(writer, _plan.Layout, journal, error => scheduler!.Stop(error)))
        {
            scheduler = new TileScheduler(Jobs(todo, readAhead), threads + 1, job =>
            {
                FinishedTensor tensor = new(job.Index, job.NonFinite);
                writeBehind.Add(tensor);
                lock (finished)
                {
                    finished[job.Index] = tensor;
                }

                _progress.TensorDone();
            });
            writeBehind.Start();
            using CancellationTokenRegistration stop = cancellation.Register(() => scheduler.Stop());
            WorkerThreads.Run(threads, _plan.Options.InBackground, () => Work(scheduler, writer));
        }

        // Write-behind has ended too, so a flush that failed last is known: the system reports such a failure only once.
        cancellation.ThrowIfCancellationRequested();
        scheduler.ThrowIfFailed();
    }

    private IEnumerable<TensorJob> Jobs(int[] todo, ReadAhead readAhead)
    {
        MergeMethod method = MergeMethods.Of(_plan.Recipe);
        for (int place = 0; place < todo.Length; place++)
        {
            readAhead.Opened(place);
            PlannedTensor tensor = _plan.Tensors[todo[place]];
            yield return new TensorJob(tensor, todo[place], tensor.Settings is { } settings ? method.Bind(settings) : null, _device.TilesPerStep);
        }
    }

    private void Work(TileScheduler scheduler, CheckpointWriter writer)
    {
        try
        {
            using TileWorker worker = new(_plan, _device, writer, _progress);
            while (scheduler.TryTake(out TensorJob? job, out TileRun tiles))
            {
                worker.Run(job, tiles);
                scheduler.Finish(job);
            }
        }
        catch (Exception error)
        {
            scheduler.Stop(error);
        }
    }

    /// <summary>How many threads a plan would run on: as many of those asked for as the memory allows.</summary>
    /// <exception cref="InterfuseException">The memory allows none.</exception>
    public static int ThreadsWithin(MergePlan plan)
    {
        long each = TileWorker.BytesFor(plan, DeviceOf(plan));
        long room = plan.Options.MaxMemory - RuntimeBytes - (plan.Options.MaxMemory / 4);
        if (room < each)
        {
            long needed = (RuntimeBytes + each) * 4 / 3;
            throw new InterfuseException(
                $"this merge needs at least {(needed >> 20) + 1} MiB of memory, but --max-memory allows {plan.Options.MaxMemory >> 20} MiB");
        }

        return (int)Math.Clamp(room / each, 1, plan.Options.Threads);
    }

    // Unless told otherwise every thread computes what it has read itself.
    private static Device DeviceOf(MergePlan plan) => plan.Options.Device ?? new CpuDevice(threads: 1);

    private void RefuseTooManyExperts()
    {
        int experts = _plan.Tensors
            .Where(tensor => tensor.Settings is not null)
            .Select(tensor => tensor.Inputs.Count - (tensor.Settings!.HasBase ? 1 : 0))
            .DefaultIfEmpty().Max();
        if (experts > _device.MaxExperts)
        {
            throw new InterfuseException(
                $"{_device.Name} merges up to {_device.MaxExperts} experts at once, but the recipe has {experts}; use the processor (--device cpu)");
        }
    }
}

/// <summary>A tensor of the output that has values that are not numbers.</summary>
/// <param name="Tensor">The tensor's name.</param>
/// <param name="Count">How many of its elements are NaN or infinite.</param>
public sealed record NonFiniteTensor(string Tensor, long Count);

/// <summary>What a merge did.</summary>
/// <param name="Target">The directory made.</param>
/// <param name="Elapsed">From the first byte read to the directory in place.</param>
/// <param name="Threads">The threads used.</param>
/// <param name="Device">The device that computed, in words.</param>
/// <param name="TensorsResumed">Tensors taken over from an interrupted run.</param>
/// <param name="NonFinite">Tensors with NaN or infinite values.</param>
public sealed record MergeReport(
    string Target, TimeSpan Elapsed, int Threads, string Device, int TensorsResumed, IReadOnlyList<NonFiniteTensor> NonFinite);
