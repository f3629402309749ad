using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void ElectUnifiedCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        DeviceSpan unified,
        DeviceSpan masks,
        DeviceSpan sums)
    {
        var arguments = new ElectUnifiedArguments
        {
            Matrices = Matrices(baseValues, experts, channels, IsAligned(unified)),
            Unified = Address(unified),
            Masks = Address(masks),
            Sums = Address(sums),
            NonFinite = NonFiniteCounter,
            UnifiedType = Code(unified.DType),
        };
        string kernel = CommonType(baseValues, [.. experts, unified]) switch
        {
            DType.BFloat16 => "interfuse_elect_unified_bf16",
            DType.Float16 => "interfuse_elect_unified_f16",
            _ => "interfuse_elect_unified_mixed",
        };
        long pairs = (arguments.Matrices.Columns + (2 * TileGrid.BlockLength) - 1) / (2 * TileGrid.BlockLength);
        Launch(kernel, channels, 32 * (int)Math.Min(pairs, MaxClusterWarps), arguments);
    }
}
