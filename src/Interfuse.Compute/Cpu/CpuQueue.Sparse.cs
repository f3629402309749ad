using System.Numerics;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void GatherCore(in SparseBank bank, int expert, long firstRow, DeviceSpan destination) =>
        Gather(new SparseRows(bank), expert, firstRow, destination);

    protected override void GatherBatchCore(
        in SparseBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        GatherBatch(new SparseRows(bank), requests, destination);

    protected override void GatherMultiplyCore(
        in SparseBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        GatherMultiply(new SparseRows(bank), experts, x, y);

    protected override void MatMulCore(in SparseBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        MatMul(new SparseRows(bank), expert, x, y);

    // Rows of a dense matrix, each expert's own values put at their places.
    private readonly struct SparseRows(SparseBank bank) : IBankRows
    {
        public long Channels => bank.Channels;

        public long Columns => bank.Columns;

        public void Copy(CpuWorkspace workspace, int expert, long channel, Span<byte> destination)
        {
            Bytes(bank.Dense, channel * bank.Columns, (int)bank.Columns).CopyTo(destination);
            (int first, int count) = Own(expert, channel);
            Span<byte> values = Bytes(bank.Values, first, count);
            switch (bank.Dense.DType.Size())
            {
                case sizeof(byte):
                    Put(values, first, 0, destination);
                    break;
                case sizeof(ushort):
                    Put(Cast<ushort>(values), first, 0, Cast<ushort>(destination));
                    break;
                case sizeof(uint):
                    Put(Cast<uint>(values), first, 0, Cast<uint>(destination));
                    break;
                default:
                    Put(Cast<ulong>(values), first, 0, Cast<ulong>(destination));
                    break;
            }
        }

        public void Widen(CpuWorkspace workspace, int expert, long channel, int start, Span<float> values)
        {
            DType dtype = bank.Dense.DType;
            workspace.Kernels.Widen(
                Bytes(bank.Dense, (channel * bank.Columns) + start, values.Length), dtype, values);
            (int first, int count) = Within(Own(expert, channel), start, values.Length);
            Span<float> block = workspace.Scratch(1);
            for (int end = first + count; first < end; first += TileGrid.BlockLength)
            {
                Span<float> own = block[..Math.Min(TileGrid.BlockLength, end - first)];
                workspace.Kernels.Widen(Bytes(bank.Values, first, own.Length), dtype, own);
                Put<float>(own, first, start, values);
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
            PrefetchRows(bank.Dense, bank.Columns, channel, rows, part, parts);
            if (expert is { } own && own != SparseBank.Shared)
            {
                Span<int> starts = Cast<int>(Bytes(bank.Starts, (own * bank.Channels) + channel, rows + 1));
                CpuQueue.Prefetch(bank.Values, starts[0], starts[^1] - starts[0]);
                CpuQueue.Prefetch(bank.Places, starts[0], starts[^1] - starts[0]);
            }
        }

        private static Span<T> Cast<T>(Span<byte> bytes)
            where T : unmanaged => MemoryMarshal.Cast<byte, T>(bytes);

        // The first of a row's own values, and how many there are.
        private (int First, int Count) Own(int expert, long channel)
        {
            if (expert == SparseBank.Shared)
            {
                return (0, 0);
            }

            Span<int> starts = Cast<int>(Bytes(bank.Starts, (expert * bank.Channels) + channel, 2));
            return (starts[0], starts[1] - starts[0]);
        }

        // Those of them that lie in a part of the row.
        private (int First, int Count) Within((int First, int Count) own, int start, int length)
        {
            if (length == bank.Columns || own.Count == 0)
            {
                return own;
            }

            Span<byte> places = Bytes(bank.Places, own.First, own.Count);
            return bank.Places.DType == DType.UInt16
                ? Within(Cast<ushort>(places), own.First, start, length)
                : Within(Cast<int>(places), own.First, start, length);
        }

        private static (int First, int Count) Within<TPlace>(
            ReadOnlySpan<TPlace> places, int first, int start, int length)
            where TPlace : unmanaged, IBinaryInteger<TPlace>
        {
            int from = LowerBound(places, start);
            return (first + from, LowerBound(places[from..], start + length));
        }

        // How many places lie before a column.
        private static int LowerBound<TPlace>(ReadOnlySpan<TPlace> places, int column)
            where TPlace : unmanaged, IBinaryInteger<TPlace>
        {
            int low = 0;
            for (int high = places.Length; low < high;)
            {
                int middle = (int)((uint)(low + high) / 2);
                if (int.CreateTruncating(places[middle]) < column)
                {
                    low = middle + 1;
                }
                else
                {
                    high = middle;
                }
            }

            return low;
        }

        // Puts values, from one of the bank's on, at their places in a row that begins with some column.
        private void Put<T>(ReadOnlySpan<T> values, int first, int start, Span<T> row)
            where T : unmanaged
        {
            Span<byte> places = Bytes(bank.Places, first, values.Length);
            if (bank.Places.DType == DType.UInt16)
            {
                Put<T, ushort>(values, Cast<ushort>(places), start, row);
            }
            else
            {
                Put<T, int>(values, Cast<int>(places), start, row);
            }
        }

        private static void Put<T, TPlace>(ReadOnlySpan<T> values, ReadOnlySpan<TPlace> places, int start, Span<T> row)
            where T : unmanaged
            where TPlace : unmanaged, IBinaryInteger<TPlace>
        {
            for (int i = 0; i < values.Length && i < places.Length; i++)
            {
                row[int.CreateTruncating(places[i]) - start] = values[i];
            }
        }
    }
}
