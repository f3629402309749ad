using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

// What the operations on sparse and masked banks have in common.
public sealed partial class CudaQueue
{
    private const int BankThreads = 256;
    private const int BankWarps = 4;

    // Rows of a matrix that are made at once to be multiplied: what fits into the second-level cache, and enough rows for
    // whole tiles.
    private const long BandBytes = 16 << 20;
    private const int BandRows = 128;

    // A row's place, as kernels have it.
    private static long PlaceOf(int expert, long row, long channels) => expert < 0 ? ~row : (expert * channels) + row;

    // Calls a kernel that makes the rows of a batch of requests, as often as it takes.
    private unsafe void LaunchRowBatch<TSource>(
        string kernel,
        in TSource source,
        ReadOnlySpan<ExpertRow> requests,
        long channels,
        long rowBytes,
        DeviceSpan destination,
        Func<long, long> blocks)
        where TSource : unmanaged
    {
        var arguments = new BankArguments<TSource, RowBatch> { Source = source };
        arguments.Wanted.Destination = Address(destination);
        while (!requests.IsEmpty)
        {
            int count = Math.Min(requests.Length, RowBatch.MaxRequests);
            arguments.Wanted.Count = count;
            for (int request = 0; request < count; request++)
            {
                arguments.Wanted.Places[request] = PlaceOf(requests[request].Expert, requests[request].Row, channels);
            }

            Launch(kernel, blocks(count), BankThreads, arguments);
            arguments.Wanted.Destination += (ulong)(count * rowBytes);
            requests = requests[count..];
        }
    }

    // Calls one of three kernels, by how many members of the batch a warp multiplies at once.
    private void LaunchProducts<TSource>(
        string kernel,
        in TSource source,
        ReadOnlySpan<int> experts,
        DeviceSpan x,
        DeviceSpan y,
        bool aligned,
        long channels,
        int channelsPerWarp)
        where TSource : unmanaged
    {
        var arguments = new BankArguments<TSource, ProductBatch> { Source = source };
        arguments.Wanted.X = Address(x);
        arguments.Wanted.Y = Address(y);
        arguments.Wanted.XType = Code(x.DType);
        arguments.Wanted.Batch = experts.Length;
        arguments.Wanted.Aligned = aligned && IsAligned(x) ? 1 : 0;
        SortByExpert(experts, ref arguments.Wanted);

        // As in ProductTile: up to four warps of a block do the same channels.
        int members = experts.Length <= 2 ? experts.Length : 4;
        long groups = Quotient(experts.Length, members);
        int sideBySide = groups < 2 ? 1 : groups < 4 ? 2 : 4;
        long channelBlocks = Quotient(channels, BankWarps / sideBySide * channelsPerWarp);
        Launch(
            $"{kernel}_{members}", channelBlocks * Quotient(groups, sideBySide), BankWarps * 32, arguments);
    }

    private static unsafe void SortByExpert(ReadOnlySpan<int> experts, ref ProductBatch batch)
    {
        fixed (int* sorted = batch.Experts, members = batch.Members)
        {
            var keys = new Span<int>(sorted, experts.Length);
            var items = new Span<int>(members, experts.Length);
            experts.CopyTo(keys);
            for (int member = 0; member < items.Length; member++)
            {
                items[member] = member;
            }

            keys.Sort(items);
        }
    }

    // Makes a band of rows after the other in scratch memory and multiplies it by the vectors.
    private void MatMulByBands(BankShape shape, Action<long, long, ulong> makeRows, DeviceSpan x, DeviceSpan y)
    {
        long rowBytes = shape.Columns * shape.DType.Size();
        long band = Math.Min(shape.Channels, Math.Max(BandBytes / rowBytes / BandRows, 1) * BandRows);
        ulong rows = Scratch(band * rowBytes);
        for (long first = 0; first < shape.Channels; first += band)
        {
            long count = Math.Min(band, shape.Channels - first);
            makeRows(first, count, rows);
            LaunchMatMul(new MatMulArguments(
                rows,
                Index: 0,
                Address(x),
                Address(y) + (ulong)(first * sizeof(float)),
                count,
                shape.Columns,
                x.Length / shape.Columns,
                shape.Channels,
                Code(shape.DType),
                shape.Columns % WholeStep == 0 && IsAligned(x) ? 1 : 0));
        }
    }
}
