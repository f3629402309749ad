using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>A loaded tensor that is a bank of rows and a table.</summary>
internal sealed class BankedTensor : LoadedTensor
{
    // Requests that are rewritten at a time.
    private const int RowsTogether = 256;

    private readonly DeviceBuffer _rows;
    private readonly DeviceBuffer _table;
    private readonly GroupedBank _bank;

    private BankedTensor(TensorSpec spec, int experts, int tableExperts, DeviceBuffer rows, DeviceBuffer table)
        : base(spec, experts)
    {
        _rows = rows;
        _table = table;
        _bank = new GroupedBank(
            rows.Span(spec.DType, rows.ByteLength / spec.DType.Size()),
            table.Span(DType.Int32, tableExperts * Matrix.Rows),
            tableExperts, Matrix.Rows, Matrix.Columns);
    }

    /// <summary>Loads a tensor that has elements, with its table.</summary>
    /// <param name="spec">The tensor of an expert's model.</param>
    /// <param name="experts">N, the experts.</param>
    /// <param name="bank">The bank [R, n].</param>
    /// <param name="table">The table [N, m] of I32.</param>
    /// <param name="queue">A queue of the device.</param>
    public static BankedTensor Load(
        TensorSpec spec, int experts, MappedTensor bank, MappedTensor table, DeviceQueue queue) =>
        Make(spec, experts, experts, () => DeviceLoad.Bring(bank, queue), () => DeviceLoad.Bring(table, queue));

    /// <summary>
    /// Loads a tensor that has elements and is one for all: a bank with a table that leads every row to itself. One
    /// expert stands for all there, so that the table is as short as it can be.
    /// </summary>
    /// <param name="spec">The tensor of an expert's model.</param>
    /// <param name="experts">N, the experts.</param>
    /// <param name="values">Its values.</param>
    /// <param name="queue">A queue of the device.</param>
    public static BankedTensor Load(TensorSpec spec, int experts, MappedTensor values, DeviceQueue queue) => Make(
        spec,
        experts,
        1,
        () => DeviceLoad.Bring(values, queue),
        () => DeviceLoad.Identity(TensorMatrix.Of(spec.Shape).Rows, queue));

    public override bool IsAlike => _bank.Experts == 1;

    public override void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination)
    {
        CheckExpert(expert);
        queue.Gather(_bank, InTable(expert), firstRow, destination);
    }

    public override void GatherBatch(DeviceQueue queue, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        foreach (ExpertRow request in requests)
        {
            CheckExpert(request.Expert);
        }

        if (!IsAlike)
        {
            queue.GatherBatch(_bank, requests, destination);
            return;
        }

        if (destination.Length != requests.Length * Matrix.Columns)
        {
            throw new ArgumentException(
                $"{requests.Length} rows of {Matrix.Columns} do not fit into {destination.Length} elements exactly.",
                nameof(destination));
        }

        Span<ExpertRow> places = stackalloc ExpertRow[Math.Min(requests.Length, RowsTogether)];
        for (int start = 0; start < requests.Length; start += RowsTogether)
        {
            int count = Math.Min(RowsTogether, requests.Length - start);
            for (int i = 0; i < count; i++)
            {
                places[i] = new ExpertRow(0, requests[start + i].Row);
            }

            queue.GatherBatch(_bank, places[..count], destination.Slice(start * Matrix.Columns, count * Matrix.Columns));
        }
    }

    public override void Multiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        CheckBatch(experts.Length, x, y);
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
                x.Slice(start * Matrix.Columns, count * Matrix.Columns),
                y.Slice(start * Matrix.Rows, count * Matrix.Rows));
        }
    }

    public override void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y)
    {
        CheckExpert(expert);
        queue.MatMul(_bank, InTable(expert), x, y);
    }

    protected override void Dispose(bool disposing)
    {
        _rows.Dispose();
        _table.Dispose();
    }

    private int InTable(int expert) => _bank.Experts == 1 ? 0 : expert;

    private static BankedTensor Make(
        TensorSpec spec, int experts, int tableExperts, Func<DeviceBuffer> rows, Func<DeviceBuffer> table)
    {
        DeviceBuffer bank = rows();
        DeviceBuffer? index = null;
        try
        {
            index = table();
            return new BankedTensor(spec, experts, tableExperts, bank, index);
        }
        catch
        {
            bank.Dispose();
            index?.Dispose();
            throw;
        }
    }
}
