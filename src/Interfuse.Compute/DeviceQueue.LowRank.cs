namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>Makes consecutive rows of one expert of a bank, as <see cref="LowRankBank"/> defines them.</summary>
    /// <remarks>Values that are not finite are not counted (<see cref="TakeNonFinite"/>).</remarks>
    /// <param name="bank">The bank.</param>
    /// <param name="expert">The expert, or <see cref="LowRankBank.SharedOnly"/>.</param>
    /// <param name="firstRow">The first of its rows to make.</param>
    /// <param name="destination">Receives as many rows as it has room for; of the bank's type, disjoint from the
    /// bank.</param>
    /// <exception cref="ArgumentException">
    /// There are no such rows, the destination holds no whole number of them, or types or overlap break the rules.
    /// </exception>
    public void Gather(in LowRankBank bank, int expert, long firstRow, DeviceSpan destination)
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

        if (expert == LowRankBank.SharedOnly)
        {
            CopyCore(bank.Shared.Slice(firstRow * bank.Columns, destination.Length), destination);
        }
        else
        {
            GatherCore(bank, expert, firstRow, destination);
        }
    }

    /// <summary>Makes rows of several experts of a bank, in the order of the requests.</summary>
    /// <remarks>Values that are not finite are not counted (<see cref="TakeNonFinite"/>).</remarks>
    /// <param name="bank">The bank.</param>
    /// <param name="requests">Which rows, of experts or of <see cref="LowRankBank.SharedOnly"/>, any number, repeated or
    /// not. Read before this returns.</param>
    /// <param name="destination">Receives a row per request; of the bank's type, disjoint from the bank.</param>
    /// <exception cref="ArgumentException">There is no such row, or types, lengths or overlap break the
    /// rules.</exception>
    public void GatherBatch(in LowRankBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
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

    /// <summary><see cref="Gather(in LowRankBank, int, long, DeviceSpan)"/>, checked, of an expert.</summary>
    protected abstract void GatherCore(in LowRankBank bank, int expert, long firstRow, DeviceSpan destination);

    /// <summary><see cref="GatherBatch(in LowRankBank, ReadOnlySpan{ExpertRow}, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherBatchCore(
        in LowRankBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination);

    private static void CheckExpert(in LowRankBank bank, int expert)
    {
        if (expert < LowRankBank.SharedOnly || expert >= bank.Experts)
        {
            throw new ArgumentException(
                $"There is no expert {expert} among {bank.Experts}, and {LowRankBank.SharedOnly} is the shared matrix.",
                nameof(expert));
        }
    }

    private static void CheckGather(in LowRankBank bank, DeviceSpan destination)
    {
        if (destination.DType != bank.Shared.DType || destination.Overlaps(bank.Shared) || destination.Overlaps(bank.Left)
            || destination.Overlaps(bank.Right))
        {
            throw new ArgumentException(
                "Rows are made of the bank's own type, in memory apart from the bank.", nameof(destination));
        }
    }
}
