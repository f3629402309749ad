using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void GatherCore(in MaskedBank bank, int expert, long firstRow, DeviceSpan destination) =>
        Gather(new MaskedRows(bank), expert, firstRow, destination);

    protected override void GatherBatchCore(
        in MaskedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        GatherBatch(new MaskedRows(bank), requests, destination);

    protected override void GatherMultiplyCore(
        in MaskedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        GatherMultiply(new MaskedRows(bank), experts, x, y);

    protected override void MatMulCore(in MaskedBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        MatMul(new MaskedRows(bank), expert, x, y);

    // Rows of a base to which each expert adds its share of the task vector.
    private readonly struct MaskedRows(MaskedBank bank) : IBankRows
    {
        public long Channels => bank.Channels;

        public long Columns => bank.Columns;

        public void Copy(CpuWorkspace workspace, int expert, long channel, Span<byte> destination)
        {
            DType dtype = bank.BaseValues.DType;
            int size = dtype.Size();
            Span<byte> rounded = MemoryMarshal.AsBytes(workspace.Weights(2 * TileGrid.BlockLength));
            Span<float> values = workspace.Result(TileGrid.BlockLength);
            for (int start = 0; start < bank.Columns; start += TileGrid.BlockLength)
            {
                int length = (int)Math.Min(TileGrid.BlockLength, bank.Columns - start);
                Span<byte> stored = destination.Slice(start * size, length * size);
                Bytes(bank.BaseValues, (channel * bank.Columns) + start, length).CopyTo(stored);
                Combine(workspace, expert, channel, start, values[..length]);
                workspace.Kernels.Narrow(values[..length], dtype, rounded[..(length * size)]);
                workspace.Kernels.Replace(rounded[..(length * size)], size, Mask(expert, channel, start, length), stored);
            }
        }

        public void Widen(CpuWorkspace workspace, int expert, long channel, int start, Span<float> values)
        {
            DType dtype = bank.BaseValues.DType;
            if (dtype is DType.BFloat16 or DType.Float32)
            {
                long first = (channel * bank.Columns) + start;
                workspace.Kernels.WidenMasked(
                    Bytes(bank.BaseValues, first, values.Length),
                    Bytes(bank.Unified, first, values.Length),
                    dtype,
                    Mask(expert, channel, start, values.Length),
                    Floats(bank.Scales, expert, 1)[0],
                    values);
                return;
            }

            // By blocks: a float16 row is rounded there and back.
            Span<byte> rounded = MemoryMarshal.AsBytes(workspace.Result(TileGrid.BlockLength));
            for (int done = 0; done < values.Length; done += TileGrid.BlockLength)
            {
                Span<float> block = values.Slice(done, Math.Min(TileGrid.BlockLength, values.Length - done));
                Combine(workspace, expert, channel, start + done, block);
                if (dtype == DType.Float16)
                {
                    Span<byte> bytes = rounded[..(block.Length * sizeof(ushort))];
                    workspace.Kernels.Narrow(block, dtype, bytes);
                    workspace.Kernels.Widen(bytes, dtype, block);
                }
            }
        }

        public DType Locate(
            CpuWorkspace workspace, int expert, long channel, int stride, Span<nint> rows, out bool areMade)
        {
            areMade = true;
            return MakeRows(this, workspace, expert, channel, stride, rows);
        }

        public nint Place(int expert, long channel) => 0;

        public void Prefetch(int? expert, long channel, int rows, int part, int parts)
        {
            PrefetchRows(bank.BaseValues, bank.Columns, channel, rows, part, parts);
            PrefetchRows(bank.Unified, bank.Columns, channel, rows, part, parts);
            if (expert is { } own)
            {
                CpuQueue.Prefetch(
                    bank.Mask, ((own * bank.Channels) + channel) * bank.WordsPerRow, rows * bank.WordsPerRow);
            }
        }

        // A block of a row as float32, not rounded to the row's type yet.
        private void Combine(CpuWorkspace workspace, int expert, long channel, int start, Span<float> values)
        {
            long first = (channel * bank.Columns) + start;
            Span<float> unified = workspace.Scratch(1)[..values.Length];
            workspace.Kernels.Widen(Bytes(bank.BaseValues, first, values.Length), bank.BaseValues.DType, values);
            workspace.Kernels.Widen(Bytes(bank.Unified, first, values.Length), bank.Unified.DType, unified);
            workspace.Kernels.AddMasked(
                values, unified, Mask(expert, channel, start, values.Length), Floats(bank.Scales, expert, 1)[0], values);
        }

        private ReadOnlySpan<uint> Mask(int expert, long channel, int start, int length) =>
            MemoryMarshal.Cast<byte, uint>(Bytes(
                bank.Mask,
                (((expert * bank.Channels) + channel) * bank.WordsPerRow) + (start / MaskedBank.ColumnsPerWord),
                (int)MaskedBank.Words(length)));
    }
}
