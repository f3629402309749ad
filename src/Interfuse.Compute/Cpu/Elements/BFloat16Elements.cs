using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>Stored bfloat16 values, widened in registers.</summary>
internal readonly ref struct BFloat16Source(ReadOnlySpan<byte> stored) : IElementSource
{
    private readonly ref readonly ushort _stored =
        ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(stored));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Load<TLanes, TFloat, TBits>(nuint index)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.LoadBFloat16(in _stored, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TDouble LoadDouble<TLanes, TDouble>(nuint index)
        where TLanes : struct, IDoubleLanes<TDouble> => TLanes.LoadBFloat16(in _stored, index);
}

/// <summary>Rows of stored bfloat16 values anywhere in memory that does not move, widened in registers.</summary>
internal readonly ref struct BFloat16Rows(ReadOnlySpan<nint> addresses) : IElementRows
{
    private readonly ref readonly nint _addresses = ref MemoryMarshal.GetReference(addresses);

    public int Count { get; } = addresses.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe TFloat Load<TLanes, TFloat, TBits>(nuint row, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref readonly ushort stored = ref *(ushort*)Unsafe.Add(ref Unsafe.AsRef(in _addresses), row);
        return TLanes.LoadBFloat16(in stored, index);
    }
}

/// <summary>Rounds to bfloat16 in registers: see <see cref="CpuKernels.Narrow"/>.</summary>
/// <param name="stored">Receives the values.</param>
/// <param name="pastCaches">
/// Whether they may go past the caches; who reads them must first pass a memory barrier.
/// </param>
internal ref struct BFloat16Sink(Span<byte> stored, bool pastCaches = false) : IElementSink
{
    // From here on values round to infinity: half a unit above the greatest bfloat16.
    private const uint FirstNonFinite = 0x7F7F_8000;

    private readonly ref ushort _stored = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(stored));

    private readonly bool _pastCaches = pastCaches && CpuKernels.IsAligned(stored);

    public int Length { get; } = stored.Length / sizeof(ushort);

    public int NonFinite { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<TLanes, TFloat, TBits>(TFloat value, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TBits bits = TLanes.AsBits(value);
        TBits rounded = CpuKernels.RoundUp<TLanes, TFloat, TBits>(bits, 16);
        TBits magnitude = TLanes.And(bits, TLanes.Broadcast(0x7FFF_FFFFu));
        uint nonFinite = TLanes.LanesGreaterOrEqual(magnitude, TLanes.Broadcast(FirstNonFinite));

        // Such values are rare, so that asking costs less than making every value's NaN canonical.
        if (nonFinite != 0)
        {
            rounded = TLanes.Select(TLanes.Equal(value, value), rounded, TLanes.Broadcast(0x7FC0_0000u));
            NonFinite += BitOperations.PopCount(nonFinite);
        }

        TLanes.StoreUpper(rounded, ref _stored, index, _pastCaches);
    }
}
