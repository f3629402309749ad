using System.Runtime.CompilerServices;

namespace Interfuse.Compute;

/// <summary>
/// The arithmetic of one expert's difference to the base, shared by the kernels that work on task vectors.
/// </summary>
internal static class Delta
{
    /// <summary><c>expert - base</c>, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Of<TLanes, TFloat, TBits>(
        ref readonly float baseValues, ref readonly float expert, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Subtract(TLanes.Load(in expert, index), TLanes.Load(in baseValues, index));

    /// <summary>The bits without the sign, the same for every NaN: processors differ in the payload that a NaN gets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TBits Magnitude<TLanes, TFloat, TBits>(TFloat delta)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Min(
            TLanes.And(TLanes.AsBits(delta), TLanes.Broadcast(0x7FFF_FFFFu)), TLanes.Broadcast(TopKThreshold.NanBits));

    /// <summary>The delta, or 0 where its magnitude bits lie below the minimum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Trim<TLanes, TFloat, TBits>(TFloat delta, uint minimumBits)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TBits kept = TLanes.GreaterOrEqual(Magnitude<TLanes, TFloat, TBits>(delta), TLanes.Broadcast(minimumBits));
        return TLanes.Select(kept, delta, TLanes.Broadcast(0f));
    }
}
