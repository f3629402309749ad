using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    // Elements of two vectors of the widest path.
    private const int WidestStep = 32;

    /// <summary>
    /// TIES (Yadav et al., 2023) in one pass: elects a sign per position and merges the experts that agree with it.
    /// With <c>v_i = weight_i * (scale_i * trim(x_i - base))</c>, the result is <c>base + lambda * (sum v_i / D)</c>,
    /// where the sum and D, the sum of the weights, run over the experts whose v_i is not zero and has the sign of the
    /// sum of all v.
    /// </summary>
    /// <remarks>
    /// D is 1 where that sum of weights is exactly 0; without normalization there is no division. Where the sum of all
    /// v is zero, <see cref="Consensus.ZeroSum"/> decides; where it is NaN, the result is NaN.
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">One row per expert, at least one.</param>
    /// <param name="terms">One term per expert.</param>
    /// <param name="consensus">Normalization, lambda and the meaning of a zero sum.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">
    /// There is no expert, or lengths or overlap break the rules of the class.
    /// </exception>
    public void ElectAndMerge(
        ReadOnlySpan<float> baseValues,
        Rows experts,
        ReadOnlySpan<BlockTerm> terms,
        Consensus consensus,
        Span<float> destination)
    {
        CheckRows(experts, terms.Length, destination);
        CheckSource(baseValues, destination);
        ElectExperts(
            new Float32Source(baseValues), new Float32Rows(experts), terms, consensus, new Float32Sink(destination),
            destination.Length);
    }

    /// <summary>
    /// The same for stored bfloat16 values, of any number. Returns how many of the stored results are infinite or NaN.
    /// </summary>
    internal int ElectAndMerge(
        ReadOnlySpan<byte> baseValues,
        BFloat16Rows experts,
        ReadOnlySpan<BlockTerm> terms,
        Consensus consensus,
        BFloat16Sink destination) =>
        ElectExperts(
            new BFloat16Source(baseValues), experts, terms, consensus, destination,
            destination.Length);

    /// <summary>
    /// The same for stored bfloat16 values of which chance drops some, up to a block of them. Returns how many of the
    /// stored results are infinite or NaN.
    /// </summary>
    internal int ElectAndMerge<TRule>(
        ReadOnlySpan<byte> baseValues,
        DroppedTerms<BFloat16Rows, TRule> terms,
        Consensus consensus,
        BFloat16Sink destination)
        where TRule : struct, ITermRule =>
        ElectTerms(new BFloat16Source(baseValues), terms, consensus, destination, destination.Length);

    /// <summary>
    /// The same as <c>ElectAndMerge</c> for task vectors that are ready-made: <c>v_i = weight_i * delta_i</c>.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="deltas">One row per task vector, at least one.</param>
    /// <param name="weights">One weight per task vector.</param>
    /// <param name="consensus">Normalization, lambda and the meaning of a zero sum.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">
    /// There is no task vector, or lengths or overlap break the rules of the class.
    /// </exception>
    public void ElectAndMergeReady(
        ReadOnlySpan<float> baseValues,
        Rows deltas,
        ReadOnlySpan<float> weights,
        Consensus consensus,
        Span<float> destination)
    {
        CheckRows(deltas, weights.Length, destination);
        CheckSource(baseValues, destination);
        ElectTerms(
            new Float32Source(baseValues), new ReadyTerms<Float32Rows>(new Float32Rows(deltas), weights), consensus,
            new Float32Sink(destination), destination.Length);
    }

    private int ElectExperts<TSource, TRows, TSink>(
        TSource baseValues,
        TRows experts,
        ReadOnlySpan<BlockTerm> terms,
        Consensus consensus,
        TSink destination,
        int length)
        where TSource : struct, IElementSource, allows ref struct
        where TRows : struct, IElementRows, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        Span<BlockTerm> bounded =
            terms.Length <= 64 ? stackalloc BlockTerm[terms.Length] : new BlockTerm[terms.Length];
        Bound(terms, bounded);
        return WholeRule.Fits(terms)
            ? ElectTerms(
                baseValues, new ExpertTerms<TRows, WholeRule>(experts, bounded), consensus, destination, length)
            : TrimmedRule.Fits(terms)
            ? ElectTerms(
                baseValues, new ExpertTerms<TRows, TrimmedRule>(experts, bounded), consensus, destination, length)
            : ElectTerms(
                baseValues, new ExpertTerms<TRows, RescaledRule>(experts, bounded), consensus, destination, length);
    }

    private int ElectTerms<TSource, TTerms, TSink>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination, int length)
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct => terms.Count switch
        {
            2 => ElectFew<TSource, TTerms, TSink, TwoExperts>(baseValues, terms, consensus, destination, length),
            3 => ElectFew<TSource, TTerms, TSink, ThreeExperts>(baseValues, terms, consensus, destination, length),
            4 => ElectFew<TSource, TTerms, TSink, FourExperts>(baseValues, terms, consensus, destination, length),
            _ => ElectMany(baseValues, terms, consensus, destination, length),
        };

    // Only a sum of greater magnitude elects a sign: a sum of zero if -1, none if NaN.
    private static float Undecided(Consensus consensus) => consensus.ZeroSum == ZeroSum.Positive ? -1f : 0f;

    private unsafe int ElectMany<TSource, TTerms, TSink>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination, int length)
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        // To a cache line: a vector across two of them takes twice the time.
        int room = ((int)terms.Count + 1) * WidestStep;
        Span<float> values = room <= 1024 ? stackalloc float[room] : new float[room];
        nint address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(values));
        values = values[((int)(-address & (CacheLine - 1)) / sizeof(float))..];
        var kernel = new ElectTermsKernel<TSource, TTerms, TSink>(baseValues, terms, consensus, values, destination);
        LaunchPairs(ref kernel, length);
        return kernel.Destination.NonFinite;
    }

    private ref struct ElectTermsKernel<TSource, TTerms, TSink>(
        TSource baseValues, TTerms terms, Consensus consensus, Span<float> values, TSink destination) : IKernel
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        private readonly TSource _base = baseValues;
        private readonly TTerms _terms = terms;
        private readonly bool _normalize = consensus.Normalize;
        private readonly float _lambda = consensus.Lambda;
        private readonly float _undecided = Undecided(consensus);

        // One vector per expert. It stays in the first-level cache, where a second sweep is cheaper than summing both
        // candidates in the first one.
        private readonly ref float _values = ref MemoryMarshal.GetReference(values);

        // Not private, or it would have to be readonly, and a sink counts.
        internal TSink Destination = destination;

        // All sums start at +0, so none is ever -0; and adding 0 for an expert that disagrees changes no bit.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat sum = TLanes.Broadcast(0f);
            TFloat baseValue = _base.Load<TLanes, TFloat, TBits>(index);
            for (nuint expert = 0, place = 0; expert < _terms.Count; expert++, place += (nuint)TLanes.Count)
            {
                TFloat value = _terms.Value<TLanes, TFloat, TBits>(expert, index, baseValue);
                At<TFloat>(place) = value;
                sum = TLanes.Add(sum, value);
            }

            // Without a majority the sum is 0 or NaN, and just that is the delta.
            TBits sign = TLanes.And(TLanes.AsBits(sum), TLanes.Broadcast(0x8000_0000u));
            TFloat magnitude = TLanes.AsFloat(TLanes.And(TLanes.AsBits(sum), TLanes.Broadcast(0x7FFF_FFFFu)));
            TFloat delta = _normalize ? Mean<TLanes, TFloat, TBits>(sign) : Agreed<TLanes, TFloat, TBits>(sign);
            delta = TLanes.SelectGreater(magnitude, TLanes.Broadcast(_undecided), delta, sum);
            delta = TLanes.Multiply(TLanes.Broadcast(_lambda), delta);
            Destination.Store<TLanes, TFloat, TBits>(TLanes.Add(baseValue, delta), index);
        }

        // With the elected sign taken off, the values that agree are the positive ones; their sum gets it back.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly TFloat Agreed<TLanes, TFloat, TBits>(TBits sign)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat agreed = TLanes.Broadcast(0f);
            for (nuint expert = 0, place = 0; expert < _terms.Count; expert++, place += (nuint)TLanes.Count)
            {
                TFloat value = Signless<TLanes, TFloat, TBits>(place, sign);
                agreed = TLanes.Add(agreed, TLanes.Max(value, TLanes.Broadcast(0f)));
            }

            return TLanes.AsFloat(TLanes.Xor(TLanes.AsBits(agreed), sign));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly TFloat Mean<TLanes, TFloat, TBits>(TBits sign)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            TFloat agreed = zero;
            TFloat weights = zero;
            for (nuint expert = 0, place = 0; expert < _terms.Count; expert++, place += (nuint)TLanes.Count)
            {
                TFloat value = Signless<TLanes, TFloat, TBits>(place, sign);
                agreed = TLanes.Add(agreed, TLanes.Max(value, zero));
                weights = TLanes.AddWherePositive(value, weights, TLanes.Broadcast(_terms.Weight(expert)));
            }

            agreed = TLanes.AsFloat(TLanes.Xor(TLanes.AsBits(agreed), sign));
            return TLanes.DivideUnlessZero(agreed, weights);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly TFloat Signless<TLanes, TFloat, TBits>(nuint place, TBits sign)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.AsFloat(TLanes.Xor(TLanes.AsBits(At<TFloat>(place)), sign));

        // A vector's place, in whatever order of its lanes: only the same kind of vector reads it.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly ref TFloat At<TFloat>(nuint place) =>
            ref Unsafe.As<float, TFloat>(ref Unsafe.Add(ref _values, place));
    }
}
