using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int SparseChannels = 1;

    /// <inheritdoc/>
    protected override void GatherCore(in SparseBank bank, int expert, long firstRow, DeviceSpan destination) =>
        MakeRows(bank, expert, firstRow, destination.Length / bank.Columns, Address(destination));

    /// <inheritdoc/>
    protected override void GatherBatchCore(
        in SparseBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        int size = bank.Dense.DType.Size();
        LaunchRowBatch(
            "interfuse_sparse_batch",
            Source(bank, size),
            requests,
            bank.Channels,
            bank.Columns * size,
            destination,
            blocks: count => count);
    }

    /// <inheritdoc/>
    protected override void GatherMultiplyCore(
        in SparseBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        LaunchProducts(
            "interfuse_sparse_multiply",
            Source(bank, Code(bank.Dense.DType)),
            experts,
            x,
            y,
            bank.Columns % WholeStep == 0 && IsAligned(bank.Dense),
            bank.Channels,
            SparseChannels);

    /// <inheritdoc/>
    protected override void MatMulCore(in SparseBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        SparseBank kept = bank;
        MatMulByBands(bank.Shape, (first, count, rows) => MakeRows(kept, expert, first, count, rows), x, y);
    }

    private static SparseSource Source(in SparseBank bank, int element) => new()
    {
        Dense = Address(bank.Dense),
        Starts = Address(bank.Starts),
        Places = Address(bank.Places),
        Values = Address(bank.Values),
        Channels = bank.Channels,
        Columns = bank.Columns,
        WidePlaces = bank.Places.DType == DType.Int32 ? 1 : 0,
        Element = element,
    };

    // A block makes a row.
    private void MakeRows(in SparseBank bank, int expert, long firstRow, long count, ulong destination)
    {
        var arguments = new BankArguments<SparseSource, RowRange> { Source = Source(bank, bank.Dense.DType.Size()) };
        arguments.Wanted.Destination = destination;
        arguments.Wanted.FirstPlace = PlaceOf(expert, firstRow, bank.Channels);
        arguments.Wanted.Count = count;
        Launch("interfuse_sparse_rows", count, BankThreads, arguments);
    }
}
