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
