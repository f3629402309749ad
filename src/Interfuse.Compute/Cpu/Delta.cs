using System.Runtime.CompilerServices;

namespace Interfuse.Compute;

/// <summary>
/// The arithmetic of one expert's difference to the base, shared by the kernels that work on task vectors.
/// </summary>
internal static class Delta
{
    /// <summary><c>expert - base</c>, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Of<TSource, TLanes, TFloat, TBits>(TSource baseValues, TSource expert, nuint index)
        where TSource : struct, IElementSource, allows ref struct
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Subtract(
            expert.Load<TLanes, TFloat, TBits>(index), baseValues.Load<TLanes, TFloat, TBits>(index));

    /// <summary>
    /// The bits without the sign, the same for every NaN: processors differ in the payload that a NaN gets.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TBits Magnitude<TLanes, TFloat, TBits>(TFloat delta)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Min(
            TLanes.And(TLanes.AsBits(delta), TLanes.Broadcast(0x7FFF_FFFFu)), TLanes.Broadcast(TopKThreshold.NanBits));

    /// <summary>
    /// What <see cref="Trim"/> compares with for minimal magnitude bits: every NaN of a delta has at least the bits
    /// that it
    /// counts as, so that bounding the minimum serves as well as bounding every value.
    /// </summary>
    public static uint Bound(uint minimumBits) => minimumBits > TopKThreshold.NanBits ? uint.MaxValue : minimumBits;

    /// <summary>The delta, or 0 where its magnitude bits lie below the bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Trim<TLanes, TFloat, TBits>(TFloat delta, uint bound)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TBits magnitude = TLanes.And(TLanes.AsBits(delta), TLanes.Broadcast(0x7FFF_FFFFu));
        return TLanes.SelectGreaterOrEqual(
            magnitude, TLanes.Broadcast(bound), delta, TLanes.Broadcast(0f));
    }
}
