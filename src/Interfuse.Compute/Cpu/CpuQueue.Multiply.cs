using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    // Elements that a thread takes at a time: a stretch of memory so long that beginning it, where nothing has been read
    // ahead, costs little. Of a small matrix every thread still gets some parts.
    private const int PartElements = 1 << 19;
    private const int PartsPerThread = 4;

    // What the end of a product, the sum of its lanes, takes besides its elements.
    private const int ProductCost = 512;

    private readonly int[] _experts = new int[MaxBatch];
    private readonly Member[] _members = new Member[MaxBatch];

    protected override void GatherMultiplyCore(
        in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        GatherMultiply(new GroupedRows(bank), experts, x, y);

    private void GatherMultiply<TRows>(TRows bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
        where TRows : struct, IBankRows
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

        int channels = ChannelsPerPart(bank.Channels, columns);
        int parts = checked((int)((bank.Channels + channels - 1) / channels));
        Run(
            new MultiplyWork<TRows>(bank, ByExpert(experts), experts.Length, channels, vectors, stride, y),
            parts,
            experts.Length * bank.Channels * (columns + ProductCost));
    }

    // Whole groups of the rows that are multiplied at once.
    private int ChannelsPerPart(long channels, int columns)
    {
        long most = Math.Min(PartElements / columns, channels / (PartsPerThread * _workspaces.Length));
        return (int)Math.Max(1, most / CpuKernels.RowsTogether) * CpuKernels.RowsTogether;
    }

    // Each vector begins a cache line, and none a multiple of 4 KiB from another, where they would be in each other's way.
    private static int VectorStride(int columns) => ((columns + 15) / 16 * 16) + 16;

    // The batch with those of one expert side by side: rows that are made are made once for all of them.
    private Member[] ByExpert(ReadOnlySpan<int> experts)
    {
        experts.CopyTo(_experts);
        for (int b = 0; b < experts.Length; b++)
        {
            _members[b] = new Member(experts[b], b);
        }

        Array.Sort(_experts, _members, 0, experts.Length);
        return _members;
    }

    private readonly record struct Member(int Expert, int Place);

    private readonly struct MultiplyWork<TRows>(
        TRows bank, Member[] members, int batch, int channelsPerPart, DeviceSpan vectors, int stride, DeviceSpan y) : IWork
        where TRows : struct, IBankRows
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * channelsPerPart;
            long end = Math.Min(first + channelsPerPart, bank.Channels);
            int columns = (int)bank.Columns;
            Span<nint> rows = stackalloc nint[CpuKernels.RowsTogether];
            Span<nint> seen = stackalloc nint[batch];
            Span<float> products = stackalloc float[CpuKernels.RowsTogether];
            for (long channel = first; channel < end; channel += rows.Length)
            {
                // Rows that several share come from memory for the first of them, and from the caches for the others.
                int count = (int)Math.Min(rows.Length, end - channel);
                int following = (int)Math.Min(rows.Length, end - channel - count);
                DType dtype = default;
                nint after = 0;
                bool areMade = false;
                for (int m = 0; m < batch; m++)
                {
                    (int expert, int b) = members[m];
                    bool isNew = m == 0 || expert != members[m - 1].Expert;
                    if (isNew)
                    {
                        dtype = bank.Locate(workspace, expert, channel, stride, rows[..count], out areMade);
                        after = following > 0 ? bank.Place(expert, channel + count) : 0;
                    }

                    // One vector is done before anything that is asked for here can have come.
                    if (batch > 1 && following > 0)
                    {
                        bank.Prefetch(isNew ? expert : null, channel + count, following, m, batch);
                    }

                    bool areCached = areMade || seen[..m].Contains(rows[0]);
                    seen[m] = rows[0];
                    workspace.Kernels.FusedDots(
                        rows[..count], dtype, Floats(vectors, (long)b * stride, columns), areCached, after, products[..count]);
                    for (int i = 0; i < count; i++)
                    {
                        Write(products[i], (b * bank.Channels) + channel + i);
                    }
                }
            }
        }

        private void Write(float value, long index)
        {
            uint bits = float.IsNaN(value) ? 0x7FC0_0000u : BitConverter.SingleToUInt32Bits(value);
            MemoryMarshal.Write(Bytes(y, index, 1), bits);
        }
    }
}
