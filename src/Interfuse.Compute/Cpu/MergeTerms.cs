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

/// <summary>What becomes of an expert's difference to the base.</summary>
internal interface ITermRule
{
    static abstract TFloat Apply<TLanes, TFloat, TBits>(TFloat delta, in BlockTerm term)
        where TLanes : struct, ILanes<TFloat, TBits>;
}

/// <summary>Trimmed and rescaled: the rule that holds for every term.</summary>
internal readonly struct RescaledRule : ITermRule
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Apply<TLanes, TFloat, TBits>(TFloat delta, in BlockTerm term)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Multiply(
            TLanes.Broadcast(term.Scale), Delta.Trim<TLanes, TFloat, TBits>(delta, term.MinimumBits));
}

/// <summary>Only trimmed: the same bits where the scale is 1.</summary>
internal readonly struct TrimmedRule : ITermRule
{
    /// <summary>Whether that holds for all terms.</summary>
    public static bool Fits(ReadOnlySpan<BlockTerm> terms)
    {
        foreach (BlockTerm term in terms)
        {
            if (term.Scale != 1f)
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Apply<TLanes, TFloat, TBits>(TFloat delta, in BlockTerm term)
        where TLanes : struct, ILanes<TFloat, TBits> => Delta.Trim<TLanes, TFloat, TBits>(delta, term.MinimumBits);
}

/// <summary>Left as it is: the same bits where, besides, nothing is trimmed.</summary>
internal readonly struct WholeRule : ITermRule
{
    /// <summary>Whether that holds for all terms.</summary>
    public static bool Fits(ReadOnlySpan<BlockTerm> terms) => !Trims(terms) && TrimmedRule.Fits(terms);

    /// <summary>Whether any term is trimmed.</summary>
    public static bool Trims(ReadOnlySpan<BlockTerm> terms)
    {
        foreach (BlockTerm term in terms)
        {
            if (term.MinimumBits != 0)
            {
                return true;
            }
        }

        return false;
    }

    public static TFloat Apply<TLanes, TFloat, TBits>(TFloat delta, in BlockTerm term)
        where TLanes : struct, ILanes<TFloat, TBits> => delta;
}

/// <summary>
/// Contributions of experts: <c>v = weight * (scale * trim(x - base))</c>. The terms' minimum is a bound (<see
/// cref="Delta.Bound"/>).
/// </summary>
internal readonly ref struct ExpertTerms<TRows, TRule>(TRows experts, ReadOnlySpan<BlockTerm> terms) : IMergeTerms
    where TRows : struct, IElementRows, allows ref struct
    where TRule : struct, ITermRule
{
    private readonly TRows _experts = experts;
    private readonly ref readonly BlockTerm _terms = ref MemoryMarshal.GetReference(terms);

    public nuint Count { get; } = (nuint)terms.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _terms), expert).Weight;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref readonly BlockTerm term = ref Unsafe.Add(ref Unsafe.AsRef(in _terms), expert);
        TFloat delta = TLanes.Subtract(_experts.Load<TLanes, TFloat, TBits>(expert, index), baseValue);
        return TLanes.Multiply(
            TLanes.Broadcast(term.Weight), TRule.Apply<TLanes, TFloat, TBits>(delta, in term));
    }
}

/// <summary>
/// Contributions of which chance drops some: <c>v = weight * (scale * d)</c>, where d is <c>trim(x - base)</c> if the
/// element's random number is below the expert's bound, else 0.
/// </summary>
/// <typeparam name="TRows">How the experts' values are loaded.</typeparam>
/// <typeparam name="TRule">How they are trimmed, if they are.</typeparam>
/// <param name="experts">The experts' values.</param>
/// <param name="terms">A term per expert, whose minimum is a bound (<see cref="Delta.Bound"/>).</param>
/// <param name="numbers">A row of random numbers per expert, <see cref="CpuWorkspace.NumberStride"/> apart.</param>
/// <param name="bounds">The bound on the numbers of each expert, in units of 2^-16.</param>
internal readonly ref struct DroppedTerms<TRows, TRule>(
    TRows experts, ReadOnlySpan<BlockTerm> terms, ReadOnlySpan<ushort> numbers, ReadOnlySpan<uint> bounds)
    : IMergeTerms
    where TRows : struct, IElementRows, allows ref struct
    where TRule : struct, ITermRule
{
    private readonly TRows _experts = experts;
    private readonly ref readonly BlockTerm _terms = ref MemoryMarshal.GetReference(terms);
    private readonly ref readonly ushort _numbers = ref MemoryMarshal.GetReference(numbers);
    private readonly ref readonly uint _bounds = ref MemoryMarshal.GetReference(bounds);

    public nuint Count { get; } = (nuint)terms.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _terms), expert).Weight;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref readonly BlockTerm term = ref Unsafe.Add(ref Unsafe.AsRef(in _terms), expert);
        TFloat delta = TLanes.Subtract(_experts.Load<TLanes, TFloat, TBits>(expert, index), baseValue);
        TFloat kept = TLanes.MultiplyWhereBelow(
            TLanes.LoadUpper(in _numbers, (expert * CpuWorkspace.NumberStride) + index),
            TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in _bounds), expert)),
            TLanes.Broadcast(term.Scale),
            TRule.Apply<TLanes, TFloat, TBits>(delta, in term));
        return TLanes.Multiply(TLanes.Broadcast(term.Weight), kept);
    }
}

/// <summary>Contributions of ready-made task vectors: <c>v = weight * delta</c>.</summary>
internal readonly ref struct ReadyTerms<TRows>(TRows deltas, ReadOnlySpan<float> weights) : IMergeTerms
    where TRows : struct, IElementRows, allows ref struct
{
    private readonly TRows _deltas = deltas;
    private readonly ref readonly float _weights = ref MemoryMarshal.GetReference(weights);

    public nuint Count { get; } = (nuint)weights.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Weight(nuint expert) => Unsafe.Add(ref Unsafe.AsRef(in _weights), expert);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TFloat Value<TLanes, TFloat, TBits>(nuint expert, nuint index, TFloat baseValue)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Multiply(TLanes.Broadcast(Weight(expert)), _deltas.Load<TLanes, TFloat, TBits>(expert, index));
}
