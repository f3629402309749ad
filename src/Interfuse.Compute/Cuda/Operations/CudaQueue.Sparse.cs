namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void GatherCore(in SparseBank bank, int expert, long firstRow, DeviceSpan destination) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void GatherBatchCore(
        in SparseBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void GatherMultiplyCore(
        in SparseBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void MatMulCore(in SparseBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void GatherCore(in MaskedBank bank, int expert, long firstRow, DeviceSpan destination) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void GatherBatchCore(
        in MaskedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void GatherMultiplyCore(
        in MaskedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void MatMulCore(in MaskedBank bank, int expert, DeviceSpan x, DeviceSpan y) =>
        throw new NotSupportedException();

}
