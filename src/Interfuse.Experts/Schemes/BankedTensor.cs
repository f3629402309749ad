using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>A loaded tensor that is a bank of rows and a table.</summary>
internal sealed class BankedTensor : LoadedTensor
{
    private readonly DeviceBuffer _rows;
    private readonly DeviceBuffer _table;
    private readonly GroupedBank _bank;

    private BankedTensor(PackTensor tensor, int experts, DeviceBuffer rows, DeviceBuffer table)
        : base(tensor)
    {
        _rows = rows;
        _table = table;
        _bank = new GroupedBank(
            rows.Span(tensor.DType, tensor.BankRows * tensor.Columns),
            table.Span(DType.Int32, experts * tensor.Rows),
            experts, tensor.Rows, tensor.Columns);
    }

    /// <summary>Loads a tensor that has elements.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="experts">How many experts the table has: all, or one that stands for all.</param>
    /// <param name="rows">Loads the bank [R, n].</param>
    /// <param name="table">Loads the table [<paramref name="experts"/>, m] of I32.</param>
    public static BankedTensor Make(PackTensor tensor, int experts, Func<DeviceBuffer> rows, Func<DeviceBuffer> table)
    {
        DeviceBuffer bank = rows();
        DeviceBuffer? index = null;
        try
        {
            index = table();
            return new BankedTensor(tensor, experts, bank, index);
        }
        catch
        {
            bank.Dispose();
            index?.Dispose();
            throw;
        }
    }

    public override void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination)
    {
        CheckExpert(expert);
        queue.Gather(_bank, InTable(expert), firstRow, destination);
    }

    public override void GatherBatch(DeviceQueue queue, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        var places = new ExpertRow[requests.Length];
        for (int i = 0; i < places.Length; i++)
        {
            CheckExpert(requests[i].Expert);
            places[i] = requests[i] with { Expert = InTable(requests[i].Expert) };
        }

        queue.GatherBatch(_bank, places, destination);
    }

    public override void Multiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        if (x.Length != experts.Length * Tensor.Columns || y.Length != experts.Length * Tensor.Rows)
        {
            throw new ArgumentException(
                $"A batch of {experts.Length} takes as many vectors of {Tensor.Columns} and gives as many of {Tensor.Rows}; "
                + $"there are {x.Length} and {y.Length} elements.",
                nameof(experts));
        }

        Span<int> places = stackalloc int[DeviceQueue.MaxBatch];
        for (int start = 0; start < experts.Length; start += places.Length)
        {
            int count = Math.Min(places.Length, experts.Length - start);
            for (int i = 0; i < count; i++)
            {
                CheckExpert(experts[start + i]);
                places[i] = InTable(experts[start + i]);
            }

            queue.GatherMultiply(
                _bank,
                places[..count],
                x.Slice(start * Tensor.Columns, count * Tensor.Columns),
                y.Slice(start * Tensor.Rows, count * Tensor.Rows));
        }
    }

    protected override void Dispose(bool disposing)
    {
        _rows.Dispose();
        _table.Dispose();
    }

    private int InTable(int expert) => _bank.Experts == 1 ? 0 : expert;
}
