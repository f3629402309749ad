using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    // Two threads for each block of a tile.
    private const int ReductionThreads = 2 * TileGrid.TileLength / TileGrid.BlockLength;

    /// <inheritdoc/>
    protected override void DotCore(DeviceSpan a, DeviceSpan b, Span<DotProducts> tiles)
    {
        if (tiles.IsEmpty)
        {
            return;
        }

        ulong results = Scratch((long)tiles.Length * Unsafe.SizeOf<DotProducts>());
        string kernel = CommonType(a, b) switch
        {
            DType.BFloat16 => "interfuse_dot_bf16",
            DType.Float16 => "interfuse_dot_f16",
            _ => "interfuse_dot_mixed",
        };
        Launch(kernel, tiles.Length, ReductionThreads, new DotArguments(
            Address(a), Address(b), a.Length, results, Code(a.DType), Code(b.DType), AreAligned(a, b) ? 1 : 0));
        Read(results, tiles);
    }

    /// <inheritdoc/>
    protected override void MagnitudeSumsCore(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, Span<MagnitudeSum> tiles)
    {
        if (tiles.IsEmpty)
        {
            return;
        }

        ulong results = Scratch((long)tiles.Length * Unsafe.SizeOf<MagnitudeSum>());
        TaskTermArguments arguments = Term(expert, term, firstElement);
        string kernel = CommonType(baseValues, expert) switch
        {
            DType.BFloat16 => "interfuse_magnitude_sums_bf16",
            DType.Float16 => "interfuse_magnitude_sums_f16",
            _ => "interfuse_magnitude_sums_mixed",
        };
        Launch(kernel, tiles.Length, ReductionThreads, new MagnitudeSumsArguments(
            Address(baseValues),
            expert.Length,
            firstElement,
            results,
            arguments,
            Code(baseValues.DType),
            arguments.IsFinite && AreAligned(baseValues, expert) ? 1 : 0));
        Read(results, tiles);
    }
}
