namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>
    /// The inner products of two tensors, tile by tile: the first half of slerp. Sums are float64, and each product of
    /// two
    /// float32 values is exact in it.
    /// </summary>
    /// <remarks>
    /// Canonical order: within a block of <see cref="TileGrid"/> element i adds into lane i % 16, in the order of the
    /// elements; then lanes 0 to 7 take lanes 8 to 15, lanes 0 to 3 take 4 to 7, lanes 0 and 1 take 2 and 3, and lane 0
    /// takes lane 1. A tile's sum starts at 0 and takes its blocks' in order.
    /// </remarks>
    /// <param name="a">Elements from the beginning of a tile on.</param>
    /// <param name="b">As many.</param>
    /// <param name="tiles">Receives the products of each tile.</param>
    /// <exception cref="ArgumentException">Types or lengths break the rules of the class.</exception>
    public void Dot(DeviceSpan a, DeviceSpan b, Span<DotProducts> tiles)
    {
        CheckSweep(a, b, tiles.Length, nameof(tiles));
        DotCore(a, b, tiles);
    }

    /// <summary>
    /// The sums of the magnitudes of a task vector, before and after thinning, tile by tile, in float64 and in the
    /// order of
    /// <see cref="Dot"/>.
    /// </summary>
    /// <param name="baseValues">Elements of the base from the beginning of a tile on.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="term">What survives, and the scale of the survivors; the weight is not used.</param>
    /// <param name="firstElement">The flat index in the tensor of the first element, a multiple of 8.</param>
    /// <param name="tiles">Receives the sums of each tile.</param>
    /// <exception cref="ArgumentException">Types or lengths break the rules of the class.</exception>
    public void MagnitudeSums(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, Span<MagnitudeSum> tiles)
    {
        CheckFirstElement(firstElement);
        CheckSweep(baseValues, expert, tiles.Length, nameof(tiles));
        MagnitudeSumsCore(baseValues, expert, term, firstElement, tiles);
    }

    /// <summary><see cref="Dot"/>, checked.</summary>
    protected abstract void DotCore(DeviceSpan a, DeviceSpan b, Span<DotProducts> tiles);

    /// <summary><see cref="MagnitudeSums"/>, checked.</summary>
    protected abstract void MagnitudeSumsCore(
        DeviceSpan baseValues, DeviceSpan expert, TaskTerm term, long firstElement, Span<MagnitudeSum> tiles);
}

/// <summary>Sums of magnitudes of a task vector.</summary>
/// <param name="All">Of all its elements: sum |x - base|.</param>
/// <param name="Kept">Of those that survive, rescaled: sum |scale * d| with the d of <see cref="TaskTerm"/>.</param>
public readonly record struct MagnitudeSum(double All, double Kept);
