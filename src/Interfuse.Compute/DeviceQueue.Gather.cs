namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>Copies consecutive rows of one expert out of a bank: row r of the destination is row
    /// <c>index[expert, firstRow + r]</c> of the bank.</summary>
    /// <remarks>Elements are copied as they are, NaNs with their payloads, whatever their type.</remarks>
    /// <param name="bank">The bank.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="firstRow">The first of its rows to copy.</param>
    /// <param name="destination">Receives as many rows as it has room for; of the bank's type, disjoint from the
    /// bank.</param>
    /// <exception cref="ArgumentException">
    /// There are no such rows, the destination holds no whole number of them, or types or overlap break the rules.
    /// </exception>
    public void Gather(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        CheckGather(bank.Shape, expert, firstRow, destination, [bank.Rows, bank.Index]);
        GatherCore(bank, expert, firstRow, destination);
    }

    /// <summary>Copies rows of several experts out of a bank, in the order of the requests.</summary>
    /// <remarks>Elements are copied as they are, NaNs with their payloads, whatever their type.</remarks>
    /// <param name="bank">The bank.</param>
    /// <param name="requests">Which rows, any number, repeated or not. Read before this returns.</param>
    /// <param name="destination">Receives a row per request; of the bank's type, disjoint from the bank.</param>
    /// <exception cref="ArgumentException">There is no such row, or types, lengths or overlap break the
    /// rules.</exception>
    public void GatherBatch(in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        CheckGatherBatch(bank.Shape, requests, destination, [bank.Rows, bank.Index]);
        GatherBatchCore(bank, requests, destination);
    }

    /// <summary><see cref="Gather(in GroupedBank, int, long, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherCore(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination);

    /// <summary><see cref="GatherBatch(in GroupedBank, ReadOnlySpan{ExpertRow}, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherBatchCore(
        in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination);
}
