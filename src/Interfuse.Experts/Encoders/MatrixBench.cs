using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Encoders;

/// <summary>A device with one matrix of every model on it, as far as there is room, for a <see cref="MatrixMethod"/>.</summary>
internal sealed partial class MatrixBench : IDisposable
{
    // Elements that are visited at a time where there is no room for all models; whole tiles. Nothing that a method does
    // may depend on it.
    private const long PieceLength = 16 * TileGrid.TileLength;

    // What the host holds of a matrix besides: what is read, and what is written behind.
    private const int HostBytes = StagingBytes + WriteThread.MostBytes;

    private readonly PackPlan _plan;
    private readonly MergeProgress _progress;
    private readonly CancellationToken _cancellation;
    private readonly long _memory;
    private readonly DevicePool _pool;
    private readonly List<DeviceBuffer> _scratch = [];
    private readonly List<Slot> _slots = [];
    private long _uses;
    private PlannedMatrix? _matrix;

    /// <summary>Takes a device.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="progress">Counts what is read.</param>
    /// <param name="memory">Bytes that inputs and scratch may take.</param>
    /// <param name="cancellation">Stops between two readings.</param>
    public MatrixBench(PackPlan plan, MergeProgress progress, long memory, CancellationToken cancellation)
    {
        _plan = plan;
        _progress = progress;
        _memory = memory;
        _cancellation = cancellation;
        Device = DeviceOf(plan);
        Queue = Device.CreateQueue();
        _pool = new DevicePool(Device, memory - HostBytes);
    }

    /// <summary>What computes: the device asked for, on all threads where it is the processor.</summary>
    public Device Device { get; }

    /// <summary>The queue of all operations.</summary>
    public DeviceQueue Queue { get; }

    /// <summary>The plan that is carried out.</summary>
    public PackPlan Plan => _plan;

    /// <summary>Stops the work; long operations ask now and then.</summary>
    public CancellationToken Cancellation => _cancellation;

    /// <summary>N.</summary>
    public int Experts => _plan.Experts.Count;

    /// <summary>The matrix at work.</summary>
    public PlannedMatrix Matrix => _matrix!;

    /// <summary>The base's matrix, in its own type. Stays until the next <see cref="Begin"/>.</summary>
    public DeviceSpan Base => Input(0);

    /// <summary>An expert's matrix, in its own type. Stays until another expert is asked for.</summary>
    public DeviceSpan Expert(int expert) => Input(expert + 1);

    /// <summary>The memory that a plan's whole matrices need at least, beside what the runtime takes.</summary>
    public static long LeastBytes(PackPlan plan, MatrixMethod method) => HostBytes + plan.Tensors
        .Where(matrix => matrix.IsWhole)
        .Select(matrix => method.RoomFor(matrix, plan.Experts.Count)
            + (method.ByRows ? RowBytesPerVisit(matrix) : PieceBytes(matrix) + (2 * SlotBytes(matrix))))
        .DefaultIfEmpty().Max();

    /// <summary>Takes up another matrix; what was taken for the last one is gone.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="room">What the method takes beside the inputs, in bytes.</param>
    public void Begin(PlannedMatrix matrix, long room)
    {
        _matrix = matrix;
        Release();
        long places = (_memory - HostBytes - room) / SlotBytes(matrix);
        if (places < matrix.Inputs.Count)
        {
            places = (_memory - HostBytes - room - PieceBytes(matrix)) / SlotBytes(matrix);
        }

        // Two at least: whoever made the bench has made sure of that much.
        long count = Math.Clamp(places, 2, matrix.Inputs.Count);
        for (int place = 0; place < count; place++)
        {
            _slots.Add(new Slot());
        }
    }

    /// <summary>Takes memory of the device until the next <see cref="Begin"/>; its first contents are undefined.</summary>
    /// <param name="dtype">The elements' type.</param>
    /// <param name="length">How many.</param>
    public DeviceSpan Take(DType dtype, long length)
    {
        DeviceBuffer buffer = _pool.Take(length * dtype.Size());
        _scratch.Add(buffer);
        return buffer.Span(dtype, length);
    }

    /// <summary>
    /// Visits the elements of all models' matrices from the first to the last: all at once where they are on the device,
    /// else in pieces of whole tiles, which are read once more.
    /// </summary>
    /// <param name="visit">Is given the flat index of the first element, the base's elements and each expert's.</param>
    public void Visit(Action<long, DeviceSpan, DeviceSpan[]> visit)
    {
        if (_slots.Count == Matrix.Inputs.Count)
        {
            visit(0, Base, [.. Enumerable.Range(0, Experts).Select(Expert)]);
            return;
        }

        DeviceBuffer[] pieces = new DeviceBuffer[Matrix.Inputs.Count];
        try
        {
            for (int input = 0; input < pieces.Length; input++)
            {
                pieces[input] = Device.Allocate(PieceLength * Matrix.Inputs[input].DType.Size());
            }

            for (long first = 0; first < Matrix.Spec.ElementCount; first += PieceLength)
            {
                long length = Math.Min(PieceLength, Matrix.Spec.ElementCount - first);
                DeviceSpan[] spans = new DeviceSpan[pieces.Length];
                for (int input = 0; input < pieces.Length; input++)
                {
                    spans[input] = pieces[input].Span(Matrix.Inputs[input].DType, length);
                    Read(Matrix.Inputs[input], first, spans[input]);
                }

                visit(first, spans[0], spans[1..]);
            }

            Queue.Synchronize();
        }
        finally
        {
            Array.ForEach(pieces, piece => piece?.Dispose());
        }
    }

    /// <summary>
    /// Task arithmetic over all experts, rounded once to the destination's type:
    /// <c>base + lambda * sum weights[e] (x_e - base)</c>, as <see cref="DeviceQueue.AddTaskVectors"/> has it.
    /// </summary>
    /// <param name="weights">A weight per expert.</param>
    /// <param name="lambda">What scales their sum.</param>
    /// <param name="destination">Receives the matrix.</param>
    public void AddTaskVectors(ReadOnlySpan<float> weights, float lambda, DeviceSpan destination)
    {
        TaskTerm[] terms = Array.ConvertAll(weights.ToArray(), weight => new TaskTerm(weight));
        var consensus = new Consensus(Normalize: false, lambda, ZeroSum.NoMajority);
        Visit((first, baseValues, experts) => Queue.AddTaskVectors(
            baseValues, experts, terms, consensus, first, destination.Slice(first, baseValues.Length)));
    }

    /// <summary>The average: task arithmetic with weights of <c>1f / N</c>.</summary>
    public void Average(float lambda, DeviceSpan destination)
    {
        float[] weights = new float[Experts];
        weights.AsSpan().Fill(1f / Experts);
        AddTaskVectors(weights, lambda, destination);
    }

    /// <summary>Waits for the device and gives everything back.</summary>
    public void Dispose()
    {
        Queue.Dispose();
        Release();
        _pool.Dispose();
        if (Device != _plan.Options.Device)
        {
            Device.Dispose();
        }
    }

    private static Device DeviceOf(PackPlan plan) => plan.Options.Device switch
    {
        null => new CpuDevice(plan.Options.Threads),
        CpuDevice cpu => new CpuDevice(cpu.Path, plan.Options.Threads),
        { } other => other,
    };

    private static long SlotBytes(PlannedMatrix matrix) =>
        matrix.Spec.ElementCount * matrix.Inputs.Max(input => input.DType.Size());

    private static long PieceBytes(PlannedMatrix matrix) =>
        PieceLength * matrix.Inputs.Sum(input => (long)input.DType.Size());

    private DeviceSpan Input(int input)
    {
        TensorSource source = Matrix.Inputs[input];
        Slot slot = _slots.Find(slot => slot.Input == input) ?? Load(input);
        slot.LastUse = ++_uses;
        return slot.Buffer!.Span(source.DType, Matrix.Spec.ElementCount);
    }

    // Into an empty slot, or over the expert whose last use is longest ago; never over the base.
    private Slot Load(int input)
    {
        Slot slot = _slots.Find(slot => slot.Input is null)
            ?? _slots.Where(slot => slot.Input != 0).MinBy(slot => slot.LastUse)!;
        slot.Buffer ??= _pool.Take(SlotBytes(Matrix));
        slot.Input = null;
        Read(Matrix.Inputs[input], 0, slot.Buffer.Span(Matrix.Inputs[input].DType, Matrix.Spec.ElementCount));
        slot.Input = input;
        return slot;
    }

    private void Release()
    {
        _scratch.ForEach(_pool.GiveBack);
        _scratch.Clear();
        _slots.Where(slot => slot.Buffer is not null).ToList().ForEach(slot => _pool.GiveBack(slot.Buffer!));
        _slots.Clear();
    }

    private sealed class Slot
    {
        public DeviceBuffer? Buffer { get; set; }

        public int? Input { get; set; }

        public long LastUse { get; set; }
    }
}
