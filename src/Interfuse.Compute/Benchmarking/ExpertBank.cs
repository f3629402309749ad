using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>A bank in which every expert has rows of its own, scattered as channel merging scatters them.</summary>
/// <param name="Experts">How many experts.</param>
/// <param name="Shape">One expert's matrix.</param>
internal sealed record ExpertBank(int Experts, MatrixShape Shape)
{
    private const DType Stored = DType.BFloat16;

    /// <summary>The bytes of a row.</summary>
    public long RowBytes => Shape.Columns * Stored.Size();

    /// <summary>Makes the bank, or what it holds of some channels.</summary>
    public GroupedBank Make(TensorSet tensors, Part channels)
    {
        long elements = channels.Length * Shape.Columns;
        DeviceSpan rows = tensors.Output(Stored, Experts * elements);
        int[] index = new int[Experts * channels.Length];
        for (int group = 0; group < Experts; group++)
        {
            long first = ((group * Shape.Channels) + channels.Start) * Shape.Columns;
            DeviceSpan layer = rows.Slice(group * elements, elements);
            tensors.Fill(layer, InputPattern.Random, 0, first, Experts * Shape.Elements);
            for (long channel = 0; channel < channels.Length; channel++)
            {
                long row = (GroupOf(group, channels.Start + channel) * channels.Length) + channel;
                index[(group * channels.Length) + channel] = checked((int)row);
            }
        }

        DeviceSpan table = tensors.Input(DType.Int32, MemoryMarshal.AsBytes<int>(index));
        return new GroupedBank(rows, table, Experts, channels.Length, Shape.Columns);
    }

    /// <summary>The bytes of an expert's row.</summary>
    public byte[] RowOf(ExpertRow row)
    {
        byte[] bytes = new byte[RowBytes];
        long first = ((GroupOf(row.Expert, row.Row) * Shape.Channels) + row.Row) * Shape.Columns;
        InputValues.Fill(InputPattern.Random, 0, Stored, first, Experts * Shape.Elements, bytes);
        return bytes;
    }

    private long GroupOf(int expert, long channel) => (expert + channel) % Experts;
}
