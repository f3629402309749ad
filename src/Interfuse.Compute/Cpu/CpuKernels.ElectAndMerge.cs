using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
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
        ElectTerms(baseValues, new ExpertTerms(experts, terms), consensus, destination);
    }

    /// <summary>
    /// <see cref="ElectAndMerge"/> for task vectors that are ready-made: <c>v_i = weight_i * delta_i</c>.
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
        ElectTerms(baseValues, new ReadyTerms(deltas, weights), consensus, destination);
    }

    private void ElectTerms<TTerms>(
        ReadOnlySpan<float> baseValues, TTerms terms, Consensus consensus, Span<float> destination)
        where TTerms : struct, IMergeTerms, allows ref struct
    {
        CheckSource(baseValues, destination);
        var kernel = new ElectTermsKernel<TTerms>(baseValues, terms, consensus, destination);
        Launch(ref kernel, destination.Length);
    }

    private readonly ref struct ElectTermsKernel<TTerms>(
        ReadOnlySpan<float> baseValues, TTerms terms, Consensus consensus, Span<float> destination) : IKernel
        where TTerms : struct, IMergeTerms, allows ref struct
    {
        private readonly ref readonly float _base = ref MemoryMarshal.GetReference(baseValues);
        private readonly TTerms _terms = terms;
        private readonly bool _normalize = consensus.Normalize;
        private readonly bool _zeroIsPositive = consensus.ZeroSum == ZeroSum.Positive;
        private readonly float _lambda = consensus.Lambda;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        // Both candidates are summed in the one sweep that finds the majority: cheaper than computing every v twice.
        // All sums start at +0, so none is ever -0; and adding 0 for an expert that disagrees changes no bit.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            TFloat baseValue = TLanes.Load(in _base, index);
            TFloat sum = zero, positive = zero, negative = zero, positiveWeight = zero, negativeWeight = zero;
            for (nuint expert = 0, at = index; expert < _terms.Count; expert++, at += _terms.Stride)
            {
                TFloat value = _terms.Value<TLanes, TFloat, TBits>(expert, at, baseValue);
                sum = TLanes.Add(sum, value);
                positive = TLanes.Add(positive, TLanes.Max(value, zero));
                negative = TLanes.Add(negative, TLanes.Min(value, zero));
                if (_normalize)
                {
                    TFloat weight = TLanes.Broadcast(_terms.Weight(expert));
                    positiveWeight = TLanes.Select(
                        TLanes.GreaterThan(value, zero), TLanes.Add(positiveWeight, weight), positiveWeight);
                    negativeWeight = TLanes.Select(
                        TLanes.GreaterThan(zero, value), TLanes.Add(negativeWeight, weight), negativeWeight);
                }
            }

            // Without a majority the sum is 0 or NaN, and just that is the delta.
            TBits isPositive = TLanes.GreaterThan(sum, zero);
            TBits isNegative = TLanes.GreaterThan(zero, sum);
            if (_zeroIsPositive)
            {
                isPositive = TLanes.Or(isPositive, TLanes.Equal(sum, zero));
            }

            TFloat delta = TLanes.Select(isPositive, positive, TLanes.Select(isNegative, negative, sum));
            if (_normalize)
            {
                TFloat one = TLanes.Broadcast(1f);
                TFloat weight = TLanes.Select(
                    isPositive, positiveWeight, TLanes.Select(isNegative, negativeWeight, one));
                delta = TLanes.Divide(delta, TLanes.Select(TLanes.Equal(weight, zero), one, weight));
            }

            delta = TLanes.Multiply(TLanes.Broadcast(_lambda), delta);
            TLanes.Store(TLanes.Add(baseValue, delta), ref _destination, index);
        }
    }
}
