using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

/// <summary>The operations on a CPU. They have ended when they return.</summary>
/// <remarks>
/// Where all tensors are bfloat16, the usual case, an operation reads, computes and stores in one pass (CpuQueue.Fused.cs),
/// so that waiting for memory and arithmetic overlap. Other types go block by block: a block of every input is widened to
/// float32 in the first-level cache, computed there by the same kernels (<see cref="CpuKernels"/>), and its result narrowed
/// into the destination. Threads take tiles; no result depends on which thread took which.
/// </remarks>
internal sealed partial class CpuQueue : DeviceQueue
{
    // About ten microseconds of products, less of copies.
    private const long LittleWork = 1 << 17;

    private readonly CpuDevice _device;
    private readonly CpuWorkspace[] _workspaces;

    // Made when the first operation is worth more than one thread.
    private CpuWorkers? _workers;
    private readonly Dictionary<Type, object> _jobs = [];

    // What the running operation was given: kept here because a span can't be shared with other threads. An array for every
    // length that there was, so that operations on few and on many may alternate.
    private DeviceSpan[]?[] _inputs = [];
    private TaskTerm[]?[] _terms = [];
    private float[]?[] _weights = [];

    public CpuQueue(CpuDevice device)
    {
        _device = device;
        _workspaces = new CpuWorkspace[device.Threads];
        for (int thread = 0; thread < device.Threads; thread++)
        {
            _workspaces[thread] = new CpuWorkspace(device);
        }
    }

    /// <summary>A part of an operation that any thread may do.</summary>
    private interface IWork
    {
        /// <summary>Does one part.</summary>
        /// <param name="workspace">The thread's own.</param>
        /// <param name="part">Which part: a tile, or a channel.</param>
        void Do(CpuWorkspace workspace, int part);
    }

    public override Device Device => _device;

    public override void Synchronize()
    {
        // Every operation has ended when it returns.
    }

    public override long TakeNonFinite()
    {
        long count = 0;
        foreach (CpuWorkspace workspace in _workspaces)
        {
            count += workspace.NonFinite;
            workspace.NonFinite = 0;
        }

        return count;
    }

    protected override void Dispose(bool disposing)
    {
        // Workspaces are managed memory, and nothing is ever queued.
        _workers?.Dispose();
        _workers = null;
        _panels?.Dispose();
    }

    protected override void UploadCore(ReadOnlySpan<byte> source, DeviceSpan destination) =>
        source.CopyTo(Bytes(destination, 0, (int)destination.Length));

    protected override void DownloadCore(DeviceSpan source, Span<byte> destination) =>
        Bytes(source, 0, (int)source.Length).CopyTo(destination);

    protected override bool TryReachCore(DeviceSpan elements, out Span<byte> bytes)
    {
        bytes = Bytes(elements, 0, (int)elements.Length);
        return true;
    }

    protected override void UploadCore(TransferBuffer buffer, int byteLength)
    {
        // The two sides are one.
    }

    protected override void DownloadCore(TransferBuffer buffer, int byteLength)
    {
        // The two sides are one.
    }

    protected override void CopyCore(DeviceSpan source, DeviceSpan destination)
    {
        int tiles = TileGrid.TileCount(source.Length);
        int parts = Math.Min(_workspaces.Length, tiles);
        if (parts > 0)
        {
            Run(new CopyWork(source, destination, (tiles + parts - 1L) / parts * TileGrid.TileLength), parts);
        }
    }

    /// <summary>Some elements' bytes.</summary>
    internal static unsafe Span<byte> Bytes(DeviceSpan span, long start, int length)
    {
        return new Span<byte>(Address(span, start), checked(length * span.DType.Size()));
    }

    private static unsafe byte* Address(DeviceSpan span, long start) =>
        ((ICpuBuffer)span.Buffer).Address + span.ByteOffset + (start * span.DType.Size());

    private void RunTiles<TWork>(TWork work, long elements)
        where TWork : IWork =>
        Run(work, TileGrid.TileCount(elements));

    // Work of so little cost, roughly elements that are read or made, ends before another thread has begun its part.
    private void Run<TWork>(TWork work, int parts, long cost = long.MaxValue)
        where TWork : IWork
    {
        int threads = cost < LittleWork ? 1 : Math.Min(_workspaces.Length, parts);
        if (threads <= 1)
        {
            for (int part = 0; part < parts; part++)
            {
                work.Do(_workspaces[0], part);
            }

            Interlocked.MemoryBarrier();
            return;
        }

        // A delegate of a kept object, so that an operation allocates nothing.
        _workers ??= new CpuWorkers(_workspaces.Length - 1);
        var job = Job<TWork>.Of(this);
        job.Work = work;
        try
        {
            _workers.Run(parts, job.Part);
        }
        finally
        {
            job.Work = default!;
        }

        Interlocked.MemoryBarrier();
    }

    /// <summary>The parts of one kind of work, as a delegate that is made once.</summary>
    private sealed class Job<TWork>
        where TWork : IWork
    {
        // A field, so that a part does not copy it.
        public TWork Work = default!;

        private Job(CpuQueue queue)
        {
            Part = (thread, part) => Work.Do(queue._workspaces[thread], part);
        }

        public Action<int, int> Part { get; }

        public static Job<TWork> Of(CpuQueue queue)
        {
            if (!queue._jobs.TryGetValue(typeof(TWork), out object? job))
            {
                queue._jobs.Add(typeof(TWork), job = new Job<TWork>(queue));
            }

            return (Job<TWork>)job;
        }
    }

    private DeviceSpan[] Keep(ReadOnlySpan<DeviceSpan> inputs) => Keep(inputs, ref _inputs);

    private TaskTerm[] Keep(ReadOnlySpan<TaskTerm> terms) => Keep(terms, ref _terms);

    private float[] Keep(ReadOnlySpan<float> weights) => Keep(weights, ref _weights);

    private static T[] Keep<T>(ReadOnlySpan<T> values, ref T[]?[] kept)
    {
        T[] array = OfLength(values.Length, ref kept);
        values.CopyTo(array);
        return array;
    }

    private static T[] OfLength<T>(int length, ref T[]?[] kept)
    {
        if (kept.Length <= length)
        {
            Array.Resize(ref kept, length + 1);
        }

        return kept[length] ??= new T[length];
    }

    // The elements of a tile: all but the last are whole.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int TileLength(int tile, long elements) =>
        (int)Math.Min(elements - ((long)tile * TileGrid.TileLength), TileGrid.TileLength);

    // A thread copies one stretch: only in long ones does the system's copy go past the cache, which is what makes it
    // fast.
    private readonly struct CopyWork(DeviceSpan source, DeviceSpan destination, long stretch) : IWork
    {
        private const int LongestSpan = 1 << 30;

        public void Do(CpuWorkspace workspace, int part)
        {
            long end = Math.Min((part + 1) * stretch, source.Length);
            for (long start = part * stretch; start < end; start += LongestSpan / sizeof(long))
            {
                int length = (int)Math.Min(end - start, LongestSpan / sizeof(long));
                Bytes(source, start, length).CopyTo(Bytes(destination, start, length));
            }
        }
    }
}
