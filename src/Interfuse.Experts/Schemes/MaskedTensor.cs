using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>A loaded tensor that is a base, a unified task vector, masks and scales.</summary>
internal sealed class MaskedTensor : LoadedTensor
{
    private readonly List<DeviceBuffer> _buffers;
    private readonly MaskedBank _bank;

    private MaskedTensor(TensorSpec spec, int experts, List<DeviceBuffer> buffers)
        : base(spec, experts)
    {
        _buffers = buffers;
        long words = MaskedBank.Words(Matrix.Columns);
        _bank = new MaskedBank(
            buffers[0].Span(spec.DType, spec.ElementCount),
            buffers[1].Span(spec.DType, spec.ElementCount),
            buffers[2].Span(DType.UInt32, experts * Matrix.Rows * words),
            buffers[3].Span(DType.Float32, experts),
            experts,
            Matrix.Rows,
            Matrix.Columns);
    }

    /// <summary>Loads a tensor that has elements.</summary>
    /// <param name="spec">The tensor of an expert's model.</param>
    /// <param name="experts">N, the experts.</param>
    /// <param name="baseValues">The base [m, n].</param>
    /// <param name="unified">The unified task vector [m, n].</param>
    /// <param name="mask">The masks [N, m, ceil(n / 32)] of U32.</param>
    /// <param name="scales">The scales [N] of F32.</param>
    /// <param name="queue">A queue of the device.</param>
    public static MaskedTensor Load(
        TensorSpec spec,
        int experts,
        MappedTensor baseValues,
        MappedTensor unified,
        MappedTensor mask,
        MappedTensor scales,
        DeviceQueue queue)
    {
        List<DeviceBuffer> buffers = [];
        try
        {
            foreach (MappedTensor part in (ReadOnlySpan<MappedTensor>)[baseValues, unified, mask, scales])
            {
                buffers.Add(DeviceLoad.Bring(part, queue));
            }

            return new MaskedTensor(spec, experts, buffers);
        }
        catch
        {
            buffers.ForEach(buffer => buffer.Dispose());
            throw;
        }
    }

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
