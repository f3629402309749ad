using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int MaskedChannels = 2;

    /// <inheritdoc/>
    protected override void GatherCore(in MaskedBank bank, int expert, long firstRow, DeviceSpan destination) =>
        MakeRows(bank, expert, firstRow, destination.Length / bank.Columns, Address(destination));

    /// <inheritdoc/>
    protected override void GatherBatchCore(
        in MaskedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        long steps = Quotient(bank.Columns, WholeStep);
        LaunchRowBatch(
            "interfuse_masked_batch",
            Source(bank, Address(destination)),
            requests,
            bank.Channels,
            bank.Columns * bank.BaseValues.DType.Size(),
            destination,
            blocks: count => Quotient(count * steps, BankThreads));
    }

    /// <inheritdoc/>
    protected override void GatherMultiplyCore(
        in MaskedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        MaskedSource source = Source(bank, 0);
        LaunchProducts(
            "interfuse_masked_multiply", source, experts, x, y, source.Aligned != 0, bank.Channels, MaskedChannels);
    }

    /// <inheritdoc/>
    protected override void MatMulCore(in MaskedBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        MaskedBank kept = bank;
        MatMulByBands(bank.Shape, (first, count, rows) => MakeRows(kept, expert, first, count, rows), x, y);
    }

    private static MaskedSource Source(in MaskedBank bank, ulong destination) => new()
    {
        Base = Address(bank.BaseValues),
        Unified = Address(bank.Unified),
        Mask = Address(bank.Mask),
        Scales = Address(bank.Scales),
        Channels = bank.Channels,
        Columns = bank.Columns,
        WordsPerRow = bank.WordsPerRow,
        DType = Code(bank.BaseValues.DType),
        Aligned = bank.Columns % WholeStep == 0 && AreAligned(bank.BaseValues, bank.Unified) && destination % 16 == 0 ? 1 : 0,
    };

    // A thread makes the columns of a byte of the mask.
    private void MakeRows(in MaskedBank bank, int expert, long firstRow, long count, ulong destination)
    {
        var arguments = new BankArguments<MaskedSource, RowRange> { Source = Source(bank, destination) };
        arguments.Wanted.Destination = destination;
        arguments.Wanted.FirstPlace = PlaceOf(expert, firstRow, bank.Channels);
        arguments.Wanted.Count = count;
        long steps = Quotient(bank.Columns, WholeStep);
        Launch("interfuse_masked_rows", Quotient(count * steps, BankThreads), BankThreads, arguments);
    }
}
