using System.Runtime.CompilerServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    // A sum of weights nearer to zero than this normalizes nothing.
    internal const float SmallestDivisor = 1e-8f;

    /// <summary>
    /// Adds weighted task vectors to the base (Ilharco et al., 2023), with trimming: with
    /// <c>v_i = weight_i * (scale_i * trim(x_i - base))</c>, the result is <c>base + lambda * (sum v_i / D)</c>.
    /// </summary>
    /// <remarks>
    /// D is the sum of the weights, in order, or 1 where its magnitude is below 1e-8; without normalization there is no
    /// division.
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">One row per expert, at least one.</param>
    /// <param name="terms">One term per expert.</param>
    /// <param name="consensus">Normalization and lambda.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">
    /// There is no expert, or lengths or overlap break the rules of the class.
    /// </exception>
    public void AddTaskVectors(
        ReadOnlySpan<float> baseValues,
        Rows experts,
        ReadOnlySpan<BlockTerm> terms,
        Consensus consensus,
        Span<float> destination)
    {
        CheckRows(experts, terms.Length, destination);
        CheckSource(baseValues, destination);
        AddExperts(
            new Float32Source(baseValues), new Float32Rows(experts), terms, consensus, new Float32Sink(destination),
            destination.Length);
    }

    /// <summary>
    /// The same for stored bfloat16 values, of any number. Returns how many of the stored results are infinite or NaN.
    /// </summary>
    internal int AddTaskVectors(
        ReadOnlySpan<byte> baseValues,
        BFloat16Rows experts,
        ReadOnlySpan<BlockTerm> terms,
        Consensus consensus,
        BFloat16Sink destination) =>
        AddExperts(
            new BFloat16Source(baseValues), experts, terms, consensus, destination,
            destination.Length);

    /// <summary>
    /// The same for stored bfloat16 values of which chance drops some, up to a block of them. Returns how many of the
    /// stored results are infinite or NaN.
    /// </summary>
    internal int AddTaskVectors<TRule>(
        ReadOnlySpan<byte> baseValues,
        DroppedTerms<BFloat16Rows, TRule> terms,
        Consensus consensus,
        BFloat16Sink destination)
        where TRule : struct, ITermRule =>
        AddTerms(new BFloat16Source(baseValues), terms, consensus, destination, destination.Length);

    /// <summary>
    /// The same as <c>AddTaskVectors</c> for task vectors that are ready-made: <c>v_i = weight_i * delta_i</c>.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="deltas">One row per task vector, at least one.</param>
    /// <param name="weights">One weight per task vector.</param>
    /// <param name="consensus">Normalization and lambda.</param>
    /// <param name="destination">Receives the merged values.</param>
    /// <exception cref="ArgumentException">
    /// There is no task vector, or lengths or overlap break the rules of the class.
    /// </exception>
    public void AddReadyTaskVectors(
        ReadOnlySpan<float> baseValues,
        Rows deltas,
        ReadOnlySpan<float> weights,
        Consensus consensus,
        Span<float> destination)
    {
        CheckRows(deltas, weights.Length, destination);
        CheckSource(baseValues, destination);
        AddTerms(
            new Float32Source(baseValues), new ReadyTerms<Float32Rows>(new Float32Rows(deltas), weights), consensus,
            new Float32Sink(destination), destination.Length);
    }

    private int AddExperts<TSource, TRows, TSink>(
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
            ? AddTerms(
                baseValues, new ExpertTerms<TRows, WholeRule>(experts, bounded), consensus, destination, length)
            : TrimmedRule.Fits(terms)
            ? AddTerms(
                baseValues, new ExpertTerms<TRows, TrimmedRule>(experts, bounded), consensus, destination, length)
            : AddTerms(
                baseValues, new ExpertTerms<TRows, RescaledRule>(experts, bounded), consensus, destination, length);
    }

    internal static void Bound(ReadOnlySpan<BlockTerm> terms, Span<BlockTerm> bounded)
    {
        for (int expert = 0; expert < terms.Length; expert++)
        {
            bounded[expert] = terms[expert] with { MinimumBits = Delta.Bound(terms[expert].MinimumBits) };
        }
    }

    private int AddTerms<TSource, TTerms, TSink>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination, int length)
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        var kernel = new AddTermsKernel<TSource, TTerms, TSink>(baseValues, terms, consensus, destination);
        LaunchPairs(ref kernel, length);
        return kernel.Destination.NonFinite;
    }

    private static float Divisor<TTerms>(TTerms terms)
        where TTerms : struct, IMergeTerms, allows ref struct
    {
        float sum = terms.Weight(0);
        for (nuint expert = 1; expert < terms.Count; expert++)
        {
            sum += terms.Weight(expert);
        }

        return MathF.Abs(sum) < SmallestDivisor ? 1f : sum;
    }

    private ref struct AddTermsKernel<TSource, TTerms, TSink>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination) : IKernel
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
    {
        private readonly TSource _base = baseValues;
        private readonly TTerms _terms = terms;
        private readonly bool _normalize = consensus.Normalize;
        private readonly float _divisor = Divisor(terms);
        private readonly float _lambda = consensus.Lambda;

        // Not private, or it would have to be readonly, and a sink counts.
        internal TSink Destination = destination;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat baseValue = _base.Load<TLanes, TFloat, TBits>(index);
            TFloat delta = MergeSum.Of<TTerms, TLanes, TFloat, TBits>(_terms, index, baseValue);
            if (_normalize)
            {
                delta = TLanes.Divide(delta, TLanes.Broadcast(_divisor));
            }

            // Multiplying by a lambda of 1 changes nothing, so there is no need to ask.
            delta = TLanes.Multiply(TLanes.Broadcast(_lambda), delta);
            Destination.Store<TLanes, TFloat, TBits>(TLanes.Add(baseValue, delta), index);
        }
    }
}
