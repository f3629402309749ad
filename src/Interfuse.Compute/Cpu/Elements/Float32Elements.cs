using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>A block that was widened before.</summary>
internal readonly ref struct Float32Source(ReadOnlySpan<float> values) : IElementSource
{
    private readonly ref readonly float _values = ref MemoryMarshal.GetReference(values);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Load<TLanes, TFloat, TBits>(nuint index)
        where TLanes : struct, ILanes<TFloat, TBits> => TLanes.Load(in _values, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TDouble LoadDouble<TLanes, TDouble>(nuint index)
        where TLanes : struct, IDoubleLanes<TDouble> => TLanes.Load(in _values, index);
}

/// <summary>Blocks that were widened before.</summary>
internal readonly ref struct Float32Rows(Rows rows) : IElementRows
{
    private readonly ref readonly float _values = ref MemoryMarshal.GetReference(rows.Data);
    private readonly nuint _stride = (nuint)rows.Stride;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Load<TLanes, TFloat, TBits>(nuint row, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits> => TLanes.Load(in _values, (row * _stride) + index);
}

/// <summary>A block that will be narrowed later.</summary>
internal readonly ref struct Float32Sink(Span<float> values) : IElementSink
{
    private readonly ref float _values = ref MemoryMarshal.GetReference(values);

    public int NonFinite => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<TLanes, TFloat, TBits>(TFloat value, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits> => TLanes.Store(value, ref _values, index);
}

/// <summary>
/// Stores float32 values as they are, but every NaN as the canonical one: see <see cref="CpuKernels.Narrow"/>.
/// </summary>
/// <param name="stored">Receives the values.</param>
/// <param name="pastCaches">
/// Whether they may go past the caches; who reads them must first pass a memory barrier.
/// </param>
internal ref struct StoredFloat32Sink(Span<byte> stored, bool pastCaches) : IElementSink
{
    private const uint FirstNonFinite = 0x7F80_0000;

    private readonly ref uint _stored = ref Unsafe.As<byte, uint>(ref MemoryMarshal.GetReference(stored));
    private readonly bool _pastCaches = pastCaches && CpuKernels.IsAligned(stored);

    public int NonFinite { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<TLanes, TFloat, TBits>(TFloat value, nuint index)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TBits bits = TLanes.AsBits(value);
        TBits magnitude = TLanes.And(bits, TLanes.Broadcast(0x7FFF_FFFFu));
        uint nonFinite = TLanes.LanesGreaterOrEqual(magnitude, TLanes.Broadcast(FirstNonFinite));
        if (nonFinite != 0)
        {
            bits = TLanes.Select(TLanes.Equal(value, value), bits, TLanes.Broadcast(0x7FC0_0000u));
            NonFinite += BitOperations.PopCount(nonFinite);
        }

        TLanes.Store(bits, ref _stored, index, _pastCaches);
    }
}
