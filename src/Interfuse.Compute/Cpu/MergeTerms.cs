using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

/// <summary>
/// What the experts of a merge contribute at one position: the values v of the formulas in <see cref="CpuKernels"/>.
/// </summary>
internal interface IMergeTerms
{
    nuint Count { get; }

    float Weight(nuint expert);

    /// <summary>Elements from one expert's row to the next one's.</summary>
    nuint Stride { get; }

    /// <param name="expert">The expert.</param>
    /// <param name="at">The element among those of all rows.</param>
    /// <param name="baseValue">The base's value at that element.</param>
    TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint at, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits>;
}

/// <summary>Contributions of experts: <c>v = weight * (scale * trim(x - base))</c>.</summary>
internal readonly ref struct ExpertTerms(Rows experts, ReadOnlySpan<BlockTerm> terms) : IMergeTerms
{
    private readonly ref readonly float _experts = ref MemoryMarshal.GetReference(experts.Data);
    private readonly ref readonly BlockTerm _terms = ref MemoryMarshal.GetReference(terms);

    public nuint Count { get; } = (nuint)terms.Length;

    public nuint Stride { get; } = (nuint)experts.Stride;

    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _terms), expert).Weight;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint at, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref readonly BlockTerm term = ref Unsafe.Add(ref Unsafe.AsRef(in _terms), expert);
        TFloat delta = TLanes.Subtract(TLanes.Load(in _experts, at), baseValue);
        TFloat kept = Delta.Trim<TLanes, TFloat, TBits>(delta, term.MinimumBits);
        return TLanes.Multiply(TLanes.Broadcast(term.Weight), TLanes.Multiply(TLanes.Broadcast(term.Scale), kept));
    }
}

/// <summary>Contributions of ready-made task vectors: <c>v = weight * delta</c>.</summary>
internal readonly ref struct ReadyTerms(Rows deltas, ReadOnlySpan<float> weights) : IMergeTerms
{
    private readonly ref readonly float _deltas = ref MemoryMarshal.GetReference(deltas.Data);
    private readonly ref readonly float _weights = ref MemoryMarshal.GetReference(weights);

    public nuint Count { get; } = (nuint)weights.Length;

    public nuint Stride { get; } = (nuint)deltas.Stride;

    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _weights), expert);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint at, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Multiply(TLanes.Broadcast(Weight(expert)), TLanes.Load(in _deltas, at));
}
