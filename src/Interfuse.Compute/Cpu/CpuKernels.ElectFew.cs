using System.Runtime.CompilerServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>A number of experts that is known when a kernel is compiled.</summary>
    private interface IExpertCount
    {
        static abstract int Value { get; }
    }

    private readonly struct TwoExperts : IExpertCount
    {
        public static int Value => 2;
    }

    private readonly struct ThreeExperts : IExpertCount
    {
        public static int Value => 3;
    }

    private readonly struct FourExperts : IExpertCount
    {
        public static int Value => 4;
    }

    private int ElectFew<TSource, TTerms, TSink, TExperts>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination, int length)
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
        where TExperts : struct, IExpertCount
    {
        var kernel = new ElectFewKernel<TSource, TTerms, TSink, TExperts>(baseValues, terms, consensus, destination);
        LaunchPairs(ref kernel, length);
        return kernel.Destination.NonFinite;
    }

    /// <summary>
    /// <see cref="ElectTermsKernel{TSource, TTerms, TSink}"/> for a few experts, whose values stay in registers. A step
    /// is a long chain of operations that wait for each other: the fewer instructions it takes, the more steps a
    /// processor has under way at once.
    /// </summary>
    private ref struct ElectFewKernel<TSource, TTerms, TSink, TExperts>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination) : IKernel
        where TSource : struct, IElementSource, allows ref struct
        where TTerms : struct, IMergeTerms, allows ref struct
        where TSink : struct, IElementSink, allows ref struct
        where TExperts : struct, IExpertCount
    {
        private readonly TSource _base = baseValues;
        private readonly TTerms _terms = terms;
        private readonly bool _normalize = consensus.Normalize;
        private readonly float _lambda = consensus.Lambda;
        private readonly bool _scales = consensus.Lambda != 1f;
        private readonly float _undecided = Undecided(consensus);

        // Not private, or it would have to be readonly, and a sink counts.
        internal TSink Destination = destination;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            TFloat baseValue = _base.Load<TLanes, TFloat, TBits>(index);
            TFloat first = _terms.Value<TLanes, TFloat, TBits>(0, index, baseValue);
            TFloat second = _terms.Value<TLanes, TFloat, TBits>(1, index, baseValue);
            TFloat third = zero;
            TFloat fourth = zero;
            TFloat sum = TLanes.Add(TLanes.Add(zero, first), second);
            if (TExperts.Value > 2)
            {
                third = _terms.Value<TLanes, TFloat, TBits>(2, index, baseValue);
                sum = TLanes.Add(sum, third);
            }

            if (TExperts.Value > 3)
            {
                fourth = _terms.Value<TLanes, TFloat, TBits>(3, index, baseValue);
                sum = TLanes.Add(sum, fourth);
            }

            // As in ElectTermsKernel.
            TBits sign = TLanes.And(TLanes.AsBits(sum), TLanes.Broadcast(0x8000_0000u));
            TFloat magnitude = TLanes.AsFloat(TLanes.And(TLanes.AsBits(sum), TLanes.Broadcast(0x7FFF_FFFFu)));
            TFloat agreed = zero;
            TFloat weights = zero;
            Agree<TLanes, TFloat, TBits>(0, first, sign, ref agreed, ref weights);
            Agree<TLanes, TFloat, TBits>(1, second, sign, ref agreed, ref weights);
            if (TExperts.Value > 2)
            {
                Agree<TLanes, TFloat, TBits>(2, third, sign, ref agreed, ref weights);
            }

            if (TExperts.Value > 3)
            {
                Agree<TLanes, TFloat, TBits>(3, fourth, sign, ref agreed, ref weights);
            }

            TFloat delta = TLanes.AsFloat(TLanes.Xor(TLanes.AsBits(agreed), sign));
            if (_normalize)
            {
                // What divides by zero, and is not used, needn't be waited for first.
                delta = TLanes.SelectZero(weights, delta, TLanes.Divide(delta, weights));
            }

            delta = TLanes.SelectGreater(magnitude, TLanes.Broadcast(_undecided), delta, sum);
            if (_scales)
            {
                delta = TLanes.Multiply(TLanes.Broadcast(_lambda), delta);
            }

            Destination.Store<TLanes, TFloat, TBits>(TLanes.Add(baseValue, delta), index);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Agree<TLanes, TFloat, TBits>(
            nuint expert, TFloat value, TBits sign, ref TFloat agreed, ref TFloat weights)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            TFloat signless = TLanes.AsFloat(TLanes.Xor(TLanes.AsBits(value), sign));
            agreed = TLanes.Add(agreed, TLanes.Max(signless, zero));
            if (_normalize)
            {
                weights = TLanes.AddWherePositive(signless, weights, TLanes.Broadcast(_terms.Weight(expert)));
            }
        }
    }
}
