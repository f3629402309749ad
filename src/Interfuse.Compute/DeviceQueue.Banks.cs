using Interfuse.Checkpoints;

namespace Interfuse.Compute;

// What the operations on experts' rows check, the same for every kind of bank: it comes as its shape and the parts it
// is kept in, the first of which has the elements' type.
public abstract partial class DeviceQueue
{
    private static void CheckExpert(in BankShape bank, int expert)
    {
        if (expert < bank.FirstExpert || expert >= bank.Experts)
        {
            throw new ArgumentException($"There is no expert {expert} among {bank.Experts}.", nameof(expert));
        }
    }

    private static void CheckGather(
        in BankShape bank, int expert, long firstRow, DeviceSpan destination, ReadOnlySpan<DeviceSpan> parts)
    {
        CheckExpert(bank, expert);
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, bank.Channels);
        CheckGathered(bank, destination, parts);
        long rows = destination.Length / bank.Columns;
        if (destination.Length % bank.Columns != 0 || rows > bank.Channels - firstRow)
        {
            throw new ArgumentException(
                $"{destination.Length} elements are not whole rows of {bank.Columns}, at most {bank.Channels - firstRow}.",
                nameof(destination));
        }
    }

    private static void CheckGatherBatch(
        in BankShape bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination, ReadOnlySpan<DeviceSpan> parts)
    {
        foreach (ExpertRow request in requests)
        {
            CheckExpert(bank, request.Expert);
            if (request.Row < 0 || request.Row >= bank.Channels)
            {
                throw new ArgumentException($"There is no row {request.Row} among {bank.Channels}.", nameof(requests));
            }
        }

        CheckGathered(bank, destination, parts);
        CheckLength(destination.Length, requests.Length * bank.Columns, nameof(destination));
    }

    private static void CheckGathered(in BankShape bank, DeviceSpan destination, ReadOnlySpan<DeviceSpan> parts)
    {
        if (destination.DType != bank.DType || OverlapsAny(destination, parts))
        {
            throw new ArgumentException(
                "Rows are gathered into elements of their own type, in memory apart from the bank.", nameof(destination));
        }
    }

    private static void CheckGatherMultiply(
        in BankShape bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y, ReadOnlySpan<DeviceSpan> parts)
    {
        if (experts.Length is 0 or > MaxBatch)
        {
            throw new ArgumentException($"A batch of {experts.Length} is not 1 to {MaxBatch} vectors.", nameof(experts));
        }

        foreach (int expert in experts)
        {
            CheckExpert(bank, expert);
        }

        CheckArithmetic(parts[0]);
        CheckArithmetic(x);
        CheckLength(x.Length, experts.Length * bank.Columns, nameof(x));
        CheckTable(y, DType.Float32, experts.Length * bank.Channels, nameof(y));
        CheckDisjoint([y], parts);
        CheckDisjoint([y], [x]);
    }

    // Returns whether there is anything to multiply.
    private static bool CheckMatMul(
        in BankShape bank, int expert, DeviceSpan x, DeviceSpan y, ReadOnlySpan<DeviceSpan> parts)
    {
        CheckExpert(bank, expert);
        CheckArithmetic(parts[0]);
        long vectors = x.Length / bank.Columns;
        CheckTable(x, DType.Float32, vectors * bank.Columns, nameof(x));
        CheckTable(y, DType.Float32, vectors * bank.Channels, nameof(y));
        CheckDisjoint([y], parts);
        CheckDisjoint([y], [x]);
        return vectors > 0;
    }
}
