using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>A loaded tensor that is a dense matrix and of each expert some elements of its own.</summary>
internal sealed class SparseTensor : LoadedTensor
{
    private readonly List<DeviceBuffer> _buffers;
    private readonly SparseBank _bank;

    private SparseTensor(TensorSpec spec, int experts, long values, List<DeviceBuffer> buffers)
        : base(spec, experts)
    {
        _buffers = buffers;
        _bank = new SparseBank(
            buffers[0].Span(spec.DType, spec.ElementCount),
            buffers[1].Span(DType.Int32, (experts * Matrix.Rows) + 1),
            buffers[2].Span(SparseBank.PlacesType(Matrix.Columns), values),
            buffers[3].Span(spec.DType, values),
            experts,
            Matrix.Rows,
            Matrix.Columns);
    }

    /// <summary>Loads a tensor that has elements.</summary>
    /// <param name="spec">The tensor of an expert's model.</param>
    /// <param name="experts">N, the experts.</param>
    /// <param name="dense">The dense matrix [m, n].</param>
    /// <param name="starts">Where each row's values begin, [N * m + 1] of I32.</param>
    /// <param name="places">The columns of the values.</param>
    /// <param name="values">The values.</param>
    /// <param name="queue">A queue of the device.</param>
    public static SparseTensor Load(
        TensorSpec spec,
        int experts,
        MappedTensor dense,
        MappedTensor starts,
        MappedTensor places,
        MappedTensor values,
        DeviceQueue queue)
    {
        List<DeviceBuffer> buffers = [];
        try
        {
            foreach (MappedTensor part in (ReadOnlySpan<MappedTensor>)[dense, starts, places, values])
            {
                buffers.Add(DeviceLoad.Bring(part, queue));
            }

            return new SparseTensor(spec, experts, values.Info.ElementCount, buffers);
        }
        catch
        {
            buffers.ForEach(buffer => buffer.Dispose());
            throw;
        }
    }

    public override bool HasShared => true;

    public override void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination)
    {
        CheckExpert(expert);
        queue.Gather(_bank, expert, firstRow, destination);
    }

    public override void GatherBatch(DeviceQueue queue, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        queue.GatherBatch(_bank, requests, destination);

    public override void Multiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        CheckBatch(experts.Length, x, y);
        for (int start = 0; start < experts.Length; start += DeviceQueue.MaxBatch)
        {
            int count = Math.Min(DeviceQueue.MaxBatch, experts.Length - start);
            queue.GatherMultiply(
                _bank,
                experts.Slice(start, count),
                x.Slice(start * Matrix.Columns, count * Matrix.Columns),
                y.Slice(start * Matrix.Rows, count * Matrix.Rows));
        }
    }

    public override void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y)
    {
        CheckExpert(expert);
        queue.MatMul(_bank, expert, x, y);
    }

    protected override void Dispose(bool disposing) => _buffers.ForEach(buffer => buffer.Dispose());
}
