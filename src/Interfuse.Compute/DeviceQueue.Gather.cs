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
        CheckExpert(bank, expert);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, bank.Channels);
        CheckGather(bank, destination);
        long rows = destination.Length / bank.Columns;
        if (destination.Length % bank.Columns != 0 || rows > bank.Channels - firstRow)
        {
            throw new ArgumentException(
                $"{destination.Length} elements are not whole rows of {bank.Columns}, at most {bank.Channels - firstRow}.",
                nameof(destination));
        }

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
        foreach (ExpertRow request in requests)
        {
            CheckExpert(bank, request.Expert);
            if (request.Row < 0 || request.Row >= bank.Channels)
            {
                throw new ArgumentException($"There is no row {request.Row} among {bank.Channels}.", nameof(requests));
            }
        }

        CheckGather(bank, destination);
        CheckLength(destination.Length, requests.Length * bank.Columns, nameof(destination));
        GatherBatchCore(bank, requests, destination);
    }

    /// <summary><see cref="Gather(in GroupedBank, int, long, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherCore(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination);

    /// <summary><see cref="GatherBatch(in GroupedBank, ReadOnlySpan{ExpertRow}, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherBatchCore(
        in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination);

    private static void CheckExpert(in GroupedBank bank, int expert)
    {
        if (expert < 0 || expert >= bank.Experts)
        {
            throw new ArgumentException($"There is no expert {expert} among {bank.Experts}.", nameof(expert));
        }
    }

    private static void CheckGather(in GroupedBank bank, DeviceSpan destination)
    {
        if (destination.DType != bank.Rows.DType || destination.Overlaps(bank.Rows) || destination.Overlaps(bank.Index))
        {
            throw new ArgumentException(
                "Rows are gathered into elements of their own type, in memory apart from the bank.", nameof(destination));
        }
    }
}
