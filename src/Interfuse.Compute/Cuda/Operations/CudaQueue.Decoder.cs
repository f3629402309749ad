namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void MatMulCore(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void RmsNormCore(DeviceSpan x, DeviceSpan weights, DeviceSpan experts, int columns, float epsilon, DeviceSpan y) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void AddBiasCore(DeviceSpan y, DeviceSpan bias, DeviceSpan experts, int columns) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void RotateCore(DeviceSpan x, DeviceSpan angles, int headLength) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void SwiGluCore(DeviceSpan gate, DeviceSpan up, DeviceSpan y) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void StoreKeyValuesCore(in KeyValuePages pages, in TokenPlaces places, DeviceSpan keys, DeviceSpan values) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void AttentionCore(in KeyValuePages pages, in TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result) => throw new NotSupportedException();
}
