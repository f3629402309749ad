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
        LaunchStagedPairs(ref kernel, length);
        return kernel.Destination.NonFinite;
    }

    /// <summary>
    /// <see cref="ElectTermsKernel{TSource, TTerms, TSink}"/> for a few experts, whose values stay in registers. A step
    /// begins with the votes and the sums of what agrees; it ends with the division and the result.
    /// </summary>
    private ref struct ElectFewKernel<TSource, TTerms, TSink, TExperts>(
        TSource baseValues, TTerms terms, Consensus consensus, TSink destination) : IStagedKernel
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
            Begin<TLanes, TFloat, TBits>(
                index, out TFloat baseValue, out TFloat sum, out TFloat agreed, out TFloat weights);
            End<TLanes, TFloat, TBits>(index, baseValue, sum, agreed, weights);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Begin<TLanes, TFloat, TBits>(
            nuint index, out TFloat baseValue, out TFloat sum, out TFloat agreed, out TFloat weights)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            baseValue = _base.Load<TLanes, TFloat, TBits>(index);
            TFloat first = _terms.Value<TLanes, TFloat, TBits>(0, index, baseValue);
            TFloat second = _terms.Value<TLanes, TFloat, TBits>(1, index, baseValue);
            TFloat third = zero;
            TFloat fourth = zero;
            sum = TLanes.Add(TLanes.Add(zero, first), second);
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
            agreed = zero;
            weights = zero;
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
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void End<TLanes, TFloat, TBits>(
            nuint index, TFloat baseValue, TFloat sum, TFloat agreed, TFloat weights)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat magnitude = TLanes.AsFloat(TLanes.And(TLanes.AsBits(sum), TLanes.Broadcast(0x7FFF_FFFFu)));
            TFloat delta = agreed;
            if (_normalize)
            {
                delta = TLanes.DivideUnlessZero(delta, weights);
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
            TFloat signless = TLanes.AsFloat(TLanes.Xor(TLanes.AsBits(value), sign));
            if (_normalize)
            {
                TLanes.AddWherePositive(
                    signless, ref agreed, value, ref weights, TLanes.Broadcast(_terms.Weight(expert)));
            }
            else
            {
                agreed = TLanes.AddWherePositive(signless, agreed, value);
            }
        }
    }
}
