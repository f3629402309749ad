using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>A bank on a device, of whatever kind.</summary>
internal interface IBank
{
    /// <summary>What a row of every expert that is asked for needs to be read of, in bytes.</summary>
    long BytesOfRow(int distinctExperts);

    void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination);

    void GatherMultiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y);

    void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y);
}

/// <summary>Makes a bank, or what it holds of some channels.</summary>
internal abstract record BankSource(string Kind)
{
    /// <summary>Experts of a bank.</summary>
    public const int Experts = 4;

    protected const DType Stored = DType.BFloat16;

    public abstract IBank Make(TensorSet tensors, MatrixShape shape, Part channels);

    /// <summary>A matrix that experts share, or some channels of it.</summary>
    protected static DeviceSpan Matrix(TensorSet tensors, int tensor, MatrixShape shape, Part channels) => tensors.Input(
        InputPattern.Random,
        tensor,
        Stored,
        new Part(channels.Start * shape.Columns, channels.Length * shape.Columns),
        shape.Elements);

    // The output function of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014).
    protected static ulong Hash(long index)
    {
        ulong z = ((ulong)index + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>Every expert has a tenth of a row's elements of its own, one in every ten columns.</summary>
internal sealed record SparseSource() : BankSource("sparse")
{
    private const int Gap = 10;

    public override IBank Make(TensorSet tensors, MatrixShape shape, Part channels)
    {
        int perRow = checked((int)((shape.Columns + Gap - 1) / Gap));
        long rows = Experts * channels.Length;
        int[] starts = [.. Enumerable.Range(0, checked((int)rows + 1)).Select(row => row * perRow)];
        ushort[] places = new ushort[rows * perRow];
        DeviceSpan values = tensors.Output(Stored, places.Length);
        for (int expert = 0; expert < Experts; expert++)
        {
            // Rows of the whole bank, so that a part has what the whole has.
            long first = ((expert * shape.Channels) + channels.Start) * perRow;
            long here = expert * channels.Length * perRow;
            tensors.Fill(
                values.Slice(here, channels.Length * perRow), InputPattern.Random, 1, first, rows * perRow);
            for (long i = 0; i < channels.Length * perRow; i++)
            {
                long group = i % perRow * Gap;
                places[here + i] =
                    (ushort)(group + (long)(Hash(first + i) % (ulong)Math.Min(Gap, shape.Columns - group)));
            }
        }

        return new Bank(new SparseBank(
            Matrix(tensors, 0, shape, channels),
            tensors.Input(DType.Int32, MemoryMarshal.AsBytes<int>(starts)),
            tensors.Input(DType.UInt16, MemoryMarshal.AsBytes<ushort>(places)),
            values,
            Experts,
            channels.Length,
            shape.Columns));
    }

    private sealed record Bank(SparseBank Of) : IBank
    {
        public long BytesOfRow(int distinctExperts)
        {
            long own = (Of.Values.ByteLength + Of.Places.ByteLength + Of.Starts.ByteLength) / (Experts * Of.Channels);
            return (Of.Columns * Stored.Size()) + (distinctExperts * own);
        }

        public void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination) =>
            queue.Gather(Of, expert, firstRow, destination);

        public void GatherMultiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
            queue.GatherMultiply(Of, experts, x, y);

        public void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y) => queue.MatMul(Of, expert, x, y);
    }
}

/// <summary>Every expert takes half of the task vector's elements.</summary>
internal sealed record MaskedSource() : BankSource("masked")
{
    public override IBank Make(TensorSet tensors, MatrixShape shape, Part channels)
    {
        long words = MaskedBank.Words(shape.Columns);
        uint[] mask = new uint[Experts * channels.Length * words];
        for (int expert = 0; expert < Experts; expert++)
        {
            long first = ((expert * shape.Channels) + channels.Start) * words;
            long here = expert * channels.Length * words;
            for (long i = 0; i < channels.Length * words; i++)
            {
                mask[here + i] = (uint)Hash(first + i);
            }
        }

        float[] scales = [.. Enumerable.Range(0, Experts).Select(expert => 0.5f + (0.25f * expert))];
        return new Bank(new MaskedBank(
            Matrix(tensors, 0, shape, channels),
            Matrix(tensors, 1, shape, channels),
            tensors.Input(DType.UInt32, MemoryMarshal.AsBytes<uint>(mask)),
            tensors.Input(DType.Float32, MemoryMarshal.AsBytes<float>(scales)),
            Experts,
            channels.Length,
            shape.Columns));
    }

    private sealed record Bank(MaskedBank Of) : IBank
    {
        public long BytesOfRow(int distinctExperts) =>
            (2 * Of.Columns * Stored.Size()) + (distinctExperts * Of.WordsPerRow * Of.Mask.DType.Size());

        public void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination) =>
            queue.Gather(Of, expert, firstRow, destination);

        public void GatherMultiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
            queue.GatherMultiply(Of, experts, x, y);

        public void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y) => queue.MatMul(Of, expert, x, y);
    }
}
