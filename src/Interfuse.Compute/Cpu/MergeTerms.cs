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

    /// <param name="expert">The expert.</param>
    /// <param name="index">The element.</param>
    /// <param name="baseValue">The base's value at that element.</param>
    TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits>;
}

/// <summary>Contributions of experts: <c>v = weight * (scale * trim(x - base))</c>.</summary>
internal readonly ref struct ExpertTerms<TRows>(TRows experts, ReadOnlySpan<BlockTerm> terms) : IMergeTerms
    where TRows : struct, IElementRows, allows ref struct
{
    private readonly TRows _experts = experts;
    private readonly ref readonly BlockTerm _terms = ref MemoryMarshal.GetReference(terms);

    public nuint Count { get; } = (nuint)terms.Length;

    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _terms), expert).Weight;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref readonly BlockTerm term = ref Unsafe.Add(ref Unsafe.AsRef(in _terms), expert);
        TFloat delta = TLanes.Subtract(_experts.Load<TLanes, TFloat, TBits>(expert, index), baseValue);
        TFloat kept = Delta.Trim<TLanes, TFloat, TBits>(delta, term.MinimumBits);
        return TLanes.Multiply(TLanes.Broadcast(term.Weight), TLanes.Multiply(TLanes.Broadcast(term.Scale), kept));
    }
}

/// <summary>
/// Contributions of experts of which nothing is trimmed or rescaled: <c>v = weight * (x - base)</c>, the same bits as
/// those of <see cref="ExpertTerms{TRows}"/>.
/// </summary>
internal readonly ref struct WholeTerms<TRows>(TRows experts, ReadOnlySpan<BlockTerm> terms) : IMergeTerms
    where TRows : struct, IElementRows, allows ref struct
{
    private readonly TRows _experts = experts;
    private readonly ref readonly BlockTerm _terms = ref MemoryMarshal.GetReference(terms);

    public nuint Count { get; } = (nuint)terms.Length;

    /// <summary>Whether these terms are such.</summary>
    public static bool Fit(ReadOnlySpan<BlockTerm> terms)
    {
        foreach (BlockTerm term in terms)
        {
            if (term.Scale != 1f || term.MinimumBits != 0)
            {
                return false;
            }
        }

        return true;
    }

    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _terms), expert).Weight;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Multiply(
            TLanes.Broadcast(Weight(expert)),
            TLanes.Subtract(_experts.Load<TLanes, TFloat, TBits>(expert, index), baseValue));
}

/// <summary>Contributions of ready-made task vectors: <c>v = weight * delta</c>.</summary>
internal readonly ref struct ReadyTerms<TRows>(TRows deltas, ReadOnlySpan<float> weights) : IMergeTerms
    where TRows : struct, IElementRows, allows ref struct
{
    private readonly TRows _deltas = deltas;
    private readonly ref readonly float _weights = ref MemoryMarshal.GetReference(weights);

    public nuint Count { get; } = (nuint)weights.Length;

    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _weights), expert);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Multiply(TLanes.Broadcast(Weight(expert)), _deltas.Load<TLanes, TFloat, TBits>(expert, index));
}
