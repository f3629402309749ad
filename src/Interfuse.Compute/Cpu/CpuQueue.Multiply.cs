using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    // Channels that a thread takes at a time.
    private const int ChannelsPerPart = 16;

    private int[] _batch = [];

    protected override void GatherMultiplyCore(
        in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        // One conversion of the vectors serves every channel.
        int columns = checked((int)bank.Columns);
        int stride = VectorStride(columns);
        DeviceSpan vectors = Panels((long)experts.Length * stride);
        for (int b = 0; b < experts.Length; b++)
        {
            _device.Kernels.Widen(
                Bytes(x, (long)b * columns, columns), x.DType, FloatsTo(vectors, (long)b * stride, columns));
        }

        int parts = checked((int)((bank.Channels + ChannelsPerPart - 1) / ChannelsPerPart));
        Run(new MultiplyWork(bank, Keep(experts, ref _batch), vectors, stride, y), parts);
    }

    // Each vector begins a cache line, and none a multiple of 4 KiB from another, where they would be in each other's way.
    private static int VectorStride(int columns) => ((columns + 15) / 16 * 16) + 16;

    private readonly struct MultiplyWork(
        GroupedBank bank, int[] experts, DeviceSpan vectors, int stride, DeviceSpan y) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * ChannelsPerPart;
            long end = Math.Min(first + ChannelsPerPart, bank.Channels);
            int columns = (int)bank.Columns;
            Span<nint> rows = stackalloc nint[CpuKernels.RowsTogether];
            Span<nint> seen = stackalloc nint[experts.Length];
            Span<float> products = stackalloc float[CpuKernels.RowsTogether];
            for (long channel = first; channel < end; channel += rows.Length)
            {
                // Rows that several share come from memory for the first of them, and from the caches for the others.
                int count = (int)Math.Min(rows.Length, end - channel);
                for (int b = 0; b < experts.Length; b++)
                {
                    DType dtype = Rows(workspace, (experts[b] * bank.Channels) + channel, rows[..count], out seen[b]);
                    workspace.Kernels.FusedDots(
                        rows[..count], dtype, Floats(vectors, (long)b * stride, columns),
                        areCached: seen[..b].Contains(seen[b]), products[..count]);
                    for (int i = 0; i < count; i++)
                    {
                        Write(products[i], (b * bank.Channels) + channel + i);
                    }
                }
            }
        }

        // The addresses of consecutive rows of one expert, of a type that products are taken from, and where the first of
        // them is stored.
        private unsafe DType Rows(CpuWorkspace workspace, long place, Span<nint> rows, out nint stored)
        {
            ReadOnlySpan<int> index = MemoryMarshal.Cast<byte, int>(Bytes(bank.Index, place, rows.Length));
            for (int i = 0; i < rows.Length; i++)
            {
                rows[i] = (nint)Address(bank.Rows, index[i] * bank.Columns);
            }

            stored = rows[0];
            DType dtype = bank.Rows.DType;
            return dtype is DType.BFloat16 or DType.Float32 ? dtype : Widen(workspace, rows);
        }

        private unsafe DType Widen(CpuWorkspace workspace, Span<nint> rows)
        {
            int columns = (int)bank.Columns;
            Span<float> widened = workspace.Weights(rows.Length * stride);
            for (int i = 0; i < rows.Length; i++)
            {
                var stored = new ReadOnlySpan<byte>((byte*)rows[i], columns * bank.Rows.DType.Size());
                Span<float> row = widened.Slice(i * stride, columns);
                workspace.Kernels.Widen(stored, bank.Rows.DType, row);

                // Workspaces are pinned.
                rows[i] = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(row));
            }

            return DType.Float32;
        }

        private void Write(float value, long index)
        {
            uint bits = float.IsNaN(value) ? 0x7FC0_0000 : BitConverter.SingleToUInt32Bits(value);
            MemoryMarshal.Write(Bytes(y, index, 1), bits);
        }
    }
}
