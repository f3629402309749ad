using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    // Channels that a thread takes at a time.
    private const int ChannelsPerPart = 16;

    private int[] _batch = [];
    private float[] _vectors = [];

    protected override void GatherMultiplyCore(
        in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        // One conversion of the vectors serves every channel.
        int elements = checked((int)x.Length);
        Reserve(ref _vectors, elements);
        _device.Kernels.Widen(Bytes(x, 0, elements), x.DType, _vectors.AsSpan(0, elements));
        int parts = checked((int)((bank.Channels + ChannelsPerPart - 1) / ChannelsPerPart));
        Run(new MultiplyWork(bank, Keep(experts, ref _batch), _vectors, y), parts);
    }

    private readonly struct MultiplyWork(GroupedBank bank, int[] experts, float[] vectors, DeviceSpan y) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * ChannelsPerPart;
            long end = Math.Min(first + ChannelsPerPart, bank.Channels);
            for (long channel = first; channel < end; channel++)
            {
                // A row that several share comes from memory for the first of them, and from the cache for the others.
                for (int b = 0; b < experts.Length; b++)
                {
                    ReadOnlySpan<byte> row = BankRow(bank, (experts[b] * bank.Channels) + channel);
                    int columns = (int)bank.Columns;
                    float product = Dot(workspace, row, vectors.AsSpan(b * columns, columns));
                    Write(product, (b * bank.Channels) + channel);
                }
            }
        }

        private float Dot(CpuWorkspace workspace, ReadOnlySpan<byte> row, ReadOnlySpan<float> x)
        {
            Span<float> lanes = stackalloc float[CpuKernels.FusedLanes];
            lanes.Clear();
            DType dtype = bank.Rows.DType;
            if (dtype is DType.BFloat16 or DType.Float32)
            {
                workspace.Kernels.AddFusedProducts(row, dtype, x, lanes);
                return workspace.Kernels.FoldFusedLanes(lanes);
            }

            for (int start = 0; start < x.Length; start += TileGrid.BlockLength)
            {
                int length = Math.Min(x.Length - start, TileGrid.BlockLength);
                Span<float> widened = workspace.Result(length);
                workspace.Kernels.Widen(
                    row.Slice(start * dtype.Size(), length * dtype.Size()), dtype, widened);
                workspace.Kernels.AddFusedProducts(
                    MemoryMarshal.AsBytes(widened), DType.Float32, x.Slice(start, length), lanes);
            }

            return workspace.Kernels.FoldFusedLanes(lanes);
        }

        private void Write(float value, long index)
        {
            uint bits = float.IsNaN(value) ? 0x7FC0_0000 : BitConverter.SingleToUInt32Bits(value);
            MemoryMarshal.Write(Bytes(y, index, 1), bits);
        }
    }
}
