using System.Numerics;

namespace Interfuse.Compute;

/// <summary>What one thread needs to compute a block: the inputs and the result as float32, and scratch.</summary>
internal sealed class CpuWorkspace(CpuDevice device)
{
    /// <summary>
    /// Elements from one row's start to the next one's: more than a block, because memory accesses exactly 4 KiB apart
    /// get in
    /// each other's way.
    /// </summary>
    public const int RowStride = TileGrid.BlockLength + 16;

    /// <summary>The same for rows of random numbers, of up to <see cref="DroppedLength"/>.</summary>
    public const int NumberStride = DroppedLength + 32;

    /// <summary>
    /// Elements of a block of a merge with random drop: a sixth of a tile, rounded up to what the widest path draws at
    /// a time. The longer, the less it matters that a block begins before it is under way; a row of numbers of each
    /// expert must fit the second-level cache.
    /// </summary>
    public const int DroppedLength = 11136;

    // A cache line, and the widest vector: an access never touches two lines.
    private const int Alignment = 64;

    private float[] _result = [];
    private uint[] _words = [];
    private ushort[] _numbers = [];
    private float[] _values = [];
    private float[] _scratch = [];
    private float[] _weights = [];
    private float[] _sums = [];
    private int[] _bins = [];

    public CpuKernels Kernels { get; } = device.Kernels;

    /// <summary>Infinite and NaN values stored by this thread.</summary>
    public long NonFinite { get; set; }

    /// <summary>Reads a block of every input.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="start">The block's first element.</param>
    /// <param name="length">Its length, at most <see cref="TileGrid.BlockLength"/>.</param>
    /// <returns>One row per input, valid until the next call.</returns>
    public Rows Widen(ReadOnlySpan<DeviceSpan> inputs, long start, int length)
    {
        Span<float> values = Reserve(ref _values, inputs.Length);
        for (int input = 0; input < inputs.Length; input++)
        {
            WidenInto(inputs[input], start, values.Slice(input * RowStride, length));
        }

        return new Rows(values, inputs.Length, length, RowStride);
    }

    /// <summary>Reads a block of a base (row 0) and an expert (row 1).</summary>
    public Rows Widen(DeviceSpan baseValues, DeviceSpan expert, long start, int length)
    {
        Span<float> values = Reserve(ref _values, 2);
        WidenInto(baseValues, start, values[..length]);
        WidenInto(expert, start, values.Slice(RowStride, length));
        return new Rows(values, 2, length, RowStride);
    }

    /// <summary>Room for a block's result.</summary>
    public Span<float> Result(int length) => Reserve(ref _result, 1)[..length];

    /// <summary>Room for some rows of a block's words, <see cref="RowStride"/> apart.</summary>
    public Span<uint> Words(int rows) => Reserve(ref _words, rows);

    /// <summary>Room for some rows of a block's length, <see cref="RowStride"/> apart.</summary>
    public Span<float> Scratch(int rows) => Reserve(ref _scratch, rows);

    /// <summary>Room for counts, all zero.</summary>
    public Span<int> Bins(int count)
    {
        if (_bins.Length < count)
        {
            _bins = new int[count];
        }

        Span<int> bins = _bins.AsSpan(0, count);
        bins.Clear();
        return bins;
    }

    /// <summary>Room for some rows of random numbers, <see cref="NumberStride"/> apart.</summary>
    public Span<ushort> Numbers(int rows) => ReserveElements(ref _numbers, rows * NumberStride);

    /// <summary>The random numbers of a block.</summary>
    public ReadOnlySpan<ushort> RandomNumbers(RandomDrop drop, long firstElement, int length)
    {
        Span<ushort> numbers = Numbers(1)[..length];
        FillRandomNumbers(drop, firstElement, default, numbers);
        return numbers;
    }

    /// <summary>Fills in the random numbers of a block, and may have values fetched meanwhile.</summary>
    public void FillRandomNumbers(
        RandomDrop drop, long firstElement, ValuesAhead ahead, Span<ushort> numbers)
    {
        if (device.Numbers is { } replay)
        {
            replay(drop, firstElement, numbers);
        }
        else
        {
            Kernels.PhiloxNumbers(drop.Seed, drop.Stream, firstElement, ahead, numbers);
        }
    }

    /// <summary>Rounds a block's result and stores it.</summary>
    public void Store(ReadOnlySpan<float> values, DeviceSpan destination, long start) =>
        NonFinite += Kernels.Narrow(values, destination.DType, CpuQueue.Bytes(destination, start, values.Length));

    private void WidenInto(DeviceSpan input, long start, Span<float> values) =>
        Kernels.Widen(CpuQueue.Bytes(input, start, values.Length), input.DType, values);

    /// <summary>Room for a block of a matrix, aligned.</summary>
    public Span<float> Weights(int length) => ReserveElements(ref _weights, length);

    /// <summary>Room for sums or scores, aligned. As texts grow longer it is found twice as long each time.</summary>
    public Span<float> Sums(int length) =>
        ReserveElements(ref _sums, (int)BitOperations.RoundUpToPowerOf2((uint)length))[..length];

    private static Span<T> Reserve<T>(ref T[] rows, int count)
        where T : unmanaged =>
        ReserveElements(ref rows, count * RowStride);

    private static unsafe Span<T> ReserveElements<T>(ref T[] rows, int length)
        where T : unmanaged
    {
        if (rows.Length < length + (Alignment / sizeof(T)))
        {
            // Pinned, so that it stays aligned; a queue keeps it for its life.
            rows = GC.AllocateUninitializedArray<T>(length + (Alignment / sizeof(T)), pinned: true);
        }

        fixed (T* first = rows)
        {
            return rows.AsSpan((int)(-(nint)first & (Alignment - 1)) / sizeof(T), length);
        }
    }
}
