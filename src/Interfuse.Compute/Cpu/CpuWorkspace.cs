namespace Interfuse.Compute;

/// <summary>What one thread needs to compute a block: the inputs and the result as float32, and scratch.</summary>
internal sealed class CpuWorkspace(CpuDevice device)
{
    private readonly float[] _result = new float[TileGrid.BlockLength];
    private readonly uint[] _words = new uint[TileGrid.BlockLength];
    private float[] _values = [];
    private float[] _scratch = [];
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
        Reserve(ref _values, inputs.Length);
        for (int input = 0; input < inputs.Length; input++)
        {
            WidenInto(inputs[input], start, _values.AsSpan(input * TileGrid.BlockLength, length));
        }

        return new Rows(_values, inputs.Length, length, TileGrid.BlockLength);
    }

    /// <summary>Reads a block of a base (row 0) and an expert (row 1).</summary>
    public Rows Widen(DeviceSpan baseValues, DeviceSpan expert, long start, int length)
    {
        Reserve(ref _values, 2);
        WidenInto(baseValues, start, _values.AsSpan(0, length));
        WidenInto(expert, start, _values.AsSpan(TileGrid.BlockLength, length));
        return new Rows(_values, 2, length, TileGrid.BlockLength);
    }

    /// <summary>Room for a block's result.</summary>
    public Span<float> Result(int length) => _result.AsSpan(0, length);

    /// <summary>Room for a block's words.</summary>
    public Span<uint> Words(int length) => _words.AsSpan(0, length);

    /// <summary>Room for some rows of a block's length, a block apart.</summary>
    public Span<float> Scratch(int rows)
    {
        Reserve(ref _scratch, rows);
        return _scratch;
    }

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

    /// <summary>The random words of a block.</summary>
    public ReadOnlySpan<uint> RandomWords(RandomDrop drop, long firstElement, int length)
    {
        Span<uint> words = Words(length);
        if (device.Words is { } replay)
        {
            replay(drop, firstElement, words);
        }
        else
        {
            Kernels.PhiloxWords(drop.Seed, drop.Stream, firstElement, words);
        }

        return words;
    }

    /// <summary>Rounds a block's result and stores it.</summary>
    public void Store(ReadOnlySpan<float> values, DeviceSpan destination, long start) =>
        NonFinite += Kernels.Narrow(values, destination.DType, CpuQueue.Bytes(destination, start, values.Length));

    private void WidenInto(DeviceSpan input, long start, Span<float> values) =>
        Kernels.Widen(CpuQueue.Bytes(input, start, values.Length), input.DType, values);

    private static void Reserve(ref float[] rows, int count)
    {
        if (rows.Length < count * TileGrid.BlockLength)
        {
            // Pinned, so that the collector never moves it; a queue keeps it for its life.
            rows = GC.AllocateUninitializedArray<float>(count * TileGrid.BlockLength, pinned: true);
        }
    }
}
