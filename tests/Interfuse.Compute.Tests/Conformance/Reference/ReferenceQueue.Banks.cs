using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

// An operation on a bank is what it says of the bank's rows written out, so rows are all there is to say.
internal sealed partial class ReferenceQueue
{
    private delegate byte[] RowOf(int expert, long channel);

    protected override void GatherCore(in SparseBank bank, int expert, long firstRow, DeviceSpan destination) =>
        Gather(RowsOf(bank), [.. Following(expert, firstRow, destination.Length / bank.Columns)], destination);

    protected override void GatherCore(in MaskedBank bank, int expert, long firstRow, DeviceSpan destination) =>
        Gather(RowsOf(bank), [.. Following(expert, firstRow, destination.Length / bank.Columns)], destination);

    protected override void GatherBatchCore(
        in SparseBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        Gather(RowsOf(bank), requests, destination);

    protected override void GatherBatchCore(
        in MaskedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        Gather(RowsOf(bank), requests, destination);

    protected override void GatherMultiplyCore(
        in SparseBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        GatherMultiply(RowsOf(bank), bank.Dense.DType, experts, x, y);

    protected override void GatherMultiplyCore(
        in MaskedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        GatherMultiply(RowsOf(bank), bank.BaseValues.DType, experts, x, y);

    protected override void MatMulCore(in SparseBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        MatMul(RowsOf(bank), bank.Dense.DType, expert, bank.Channels, x, y);

    protected override void MatMulCore(in MaskedBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        MatMul(RowsOf(bank), bank.BaseValues.DType, expert, bank.Channels, x, y);

    private static IEnumerable<ExpertRow> Following(int expert, long first, long count)
    {
        for (long row = first; row < first + count; row++)
        {
            yield return new ExpertRow(expert, row);
        }
    }

    // The dense row, the expert's values put where they belong.
    private static RowOf RowsOf(SparseBank bank) => (expert, channel) =>
    {
        byte[] row = [.. ReferenceDevice.BytesOf(bank.Dense.Slice(channel * bank.Columns, bank.Columns))];
        if (expert == SparseBank.Shared)
        {
            return row;
        }

        int size = bank.Dense.DType.Size();
        Span<int> starts = Words(bank.Starts);
        int own = (int)((expert * bank.Channels) + channel);
        for (int value = starts[own]; value < starts[own + 1]; value++)
        {
            Span<byte> places = ReferenceDevice.BytesOf(bank.Places);
            int place = bank.Places.DType == DType.UInt16
                ? MemoryMarshal.Cast<byte, ushort>(places)[value]
                : MemoryMarshal.Cast<byte, int>(places)[value];
            ReferenceDevice.BytesOf(bank.Values.Slice(value, 1)).CopyTo(row.AsSpan(place * size));
        }

        return row;
    };

    // The base, and base + scale * unified where the expert's bit is set.
    private static RowOf RowsOf(MaskedBank bank) => (expert, channel) =>
    {
        DeviceSpan stored = bank.BaseValues.Slice(channel * bank.Columns, bank.Columns);
        byte[] row = [.. ReferenceDevice.BytesOf(stored)];
        float[] baseValues = Widened(stored);
        float[] unified = Widened(bank.Unified.Slice(channel * bank.Columns, bank.Columns));
        float scale = Widened(bank.Scales)[expert];
        Span<int> mask = Words(bank.Mask.Slice(
            ((expert * bank.Channels) + channel) * bank.WordsPerRow, bank.WordsPerRow));
        for (int j = 0; j < row.Length / stored.DType.Size(); j++)
        {
            if ((mask[j / 32] >> (j % 32) & 1) == 1)
            {
                float added = scale * unified[j];
                StoredFloat.Write(baseValues[j] + added, stored.DType, row.AsSpan(j * stored.DType.Size()));
            }
        }

        return row;
    };

    private static void Gather(RowOf rows, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        Span<byte> place = ReferenceDevice.BytesOf(destination);
        foreach (ExpertRow request in requests)
        {
            byte[] row = rows(request.Expert, request.Row);
            row.CopyTo(place);
            place = place[row.Length..];
        }
    }

    private static void GatherMultiply(
        RowOf rows, DType dtype, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        long columns = x.Length / experts.Length;
        long channels = y.Length / experts.Length;
        for (int b = 0; b < experts.Length; b++)
        {
            float[] vector = Widened(x.Slice(b * columns, columns));
            for (long channel = 0; channel < channels; channel++)
            {
                float product = LaneDot(Widened(rows(experts[b], channel), dtype), vector);
                Write([product], y.Slice((b * channels) + channel, 1));
            }
        }
    }

    private static void MatMul(RowOf rows, DType dtype, int expert, long channels, DeviceSpan x, DeviceSpan y)
    {
        float[] vectors = Widened(x);
        float[] products = new float[y.Length];
        int columns = (int)(x.Length / (y.Length / channels));
        for (int channel = 0; channel < channels; channel++)
        {
            float[] row = Widened(rows(expert, channel), dtype);
            for (int t = 0; t < vectors.Length / columns; t++)
            {
                products[(t * channels) + channel] = FusedDot(row, vectors.AsSpan(t * columns, columns));
            }
        }

        Write(products, y);
    }
}
