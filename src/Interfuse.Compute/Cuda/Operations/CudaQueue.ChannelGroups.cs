namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void ChannelGramsCore(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, DeviceSpan grams) =>
        throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void MergeGroupsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        float lambda,
        DeviceSpan table,
        DeviceSpan bank) =>
        throw new NotSupportedException();
}
