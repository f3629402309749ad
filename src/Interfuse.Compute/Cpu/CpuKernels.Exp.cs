using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    // exp(x) = 2^n * exp(r): n is x / ln 2 rounded, and r = x - n * ln 2 in two steps, the first of which is exact.
    private const float Log2E = 1.44269504f;
    private const float Ln2Upper = 0.693359375f;
    private const float Ln2Lower = -2.12194440e-4f;

    // Added and taken away again, it leaves the nearest whole number, which is then in the lowest bits.
    private const float Rounder = 12582912f;

    // Beyond these the result is 0 or infinite: no denormals are made.
    private const float LeastExponent = -87.33654f;
    private const float GreatestExponent = 88.72283f;

    /// <summary>
    /// e^x as every device takes it, within 2 units of the last place: below -87.33654 it is +0, above 88.72283 infinite,
    /// and of a NaN a NaN.
    /// </summary>
    /// <remarks>
    /// n = fma(x, log2 e, 1.5 * 2^23) - 1.5 * 2^23; r = fma(n, -0.693359375, x), then fma(n, 2.12194440e-4, r); a
    /// polynomial of degree 7 in r by Horner's rule, each step fused; and n added to the exponent in two halves.
    /// </remarks>
    public static float Exp(float x) => Exp<Lanes1, float, uint>(x);

    /// <summary><c>e^((x - greatest) / divisor)</c> of each element: what a softmax of that temperature is a share of.</summary>
    /// <remarks>The difference and the quotient are rounded to float32; then see <see cref="Exp(float)"/>.</remarks>
    /// <param name="x">The elements.</param>
    /// <param name="greatest">What is subtracted, as a rule the greatest of them.</param>
    /// <param name="divisor">What the difference is divided by.</param>
    /// <param name="y">Receives as many.</param>
    /// <exception cref="ArgumentException">Lengths differ, or the memory overlaps in part.</exception>
    public void Exp(ReadOnlySpan<float> x, float greatest, float divisor, Span<float> y)
    {
        CheckSource(x, y);
        var kernel = new ScaledExpKernel(x, greatest, divisor, y);
        Launch(ref kernel, y.Length);
    }

    private readonly ref struct ScaledExpKernel(ReadOnlySpan<float> x, float greatest, float divisor, Span<float> y) : IKernel
    {
        private readonly ref readonly float _x = ref MemoryMarshal.GetReference(x);
        private readonly ref float _y = ref MemoryMarshal.GetReference(y);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat difference = TLanes.Subtract(TLanes.Load(in _x, index), TLanes.Broadcast(greatest));
            TFloat quotient = TLanes.Divide(difference, TLanes.Broadcast(divisor));
            TLanes.Store(Exp<TLanes, TFloat, TBits>(quotient), ref _y, index);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat Exp<TLanes, TFloat, TBits>(TFloat x)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TFloat shifted = TLanes.FusedMultiplyAdd(x, TLanes.Broadcast(Log2E), TLanes.Broadcast(Rounder));
        TFloat n = TLanes.Subtract(shifted, TLanes.Broadcast(Rounder));
        TFloat r = TLanes.FusedMultiplyAdd(n, TLanes.Broadcast(-Ln2Upper), x);
        r = TLanes.FusedMultiplyAdd(n, TLanes.Broadcast(-Ln2Lower), r);

        TFloat sum = TLanes.Broadcast(1f / 5040);
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(1f / 720));
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(1f / 120));
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(1f / 24));
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(1f / 6));
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(0.5f));
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(1f));
        sum = TLanes.FusedMultiplyAdd(sum, r, TLanes.Broadcast(1f));

        // n goes up to 128, for which there is no factor: two factors then, the halves of n.
        TBits whole = TLanes.Subtract(TLanes.AsBits(shifted), TLanes.Broadcast(BitConverter.SingleToUInt32Bits(Rounder)));
        TBits biased = TLanes.Add(whole, TLanes.Broadcast(256u));
        TBits half = TLanes.Subtract(TLanes.ShiftRight(biased, 1), TLanes.Broadcast(128u));
        TBits rest = TLanes.Subtract(whole, half);
        sum = TLanes.Multiply(TLanes.Multiply(sum, PowerOfTwo<TLanes, TFloat, TBits>(half)), PowerOfTwo<TLanes, TFloat, TBits>(rest));

        sum = TLanes.SelectGreater(TLanes.Broadcast(LeastExponent), x, TLanes.Broadcast(0f), sum);
        sum = TLanes.SelectGreater(x, TLanes.Broadcast(GreatestExponent), TLanes.Broadcast(float.PositiveInfinity), sum);
        return TLanes.Select(TLanes.Equal(x, x), sum, x);
    }

    // Of a whole number from -126 to 127, in two's complement.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TFloat PowerOfTwo<TLanes, TFloat, TBits>(TBits exponent)
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.AsFloat(TLanes.ShiftLeft(TLanes.Add(exponent, TLanes.Broadcast(127u)), 23));

    /// <summary>The exponentials, in place, of scores from which the greatest is subtracted, and their sum.</summary>
    /// <param name="scores">The scores of consecutive positions of a page.</param>
    /// <param name="greatest">What is subtracted.</param>
    /// <param name="firstLane">The lane of the first position: its place in the page modulo 16.</param>
    /// <returns>The sum, in the order of <see cref="DeviceQueue.Attention"/>.</returns>
    internal float ExpSum(Span<float> scores, float greatest, int firstLane)
    {
        Span<float> lanes = stackalloc float[ReductionLanes];
        lanes.Clear();
        int start = 0;
        if (firstLane != 0)
        {
            start = Math.Min(ReductionLanes - firstLane, scores.Length);
            AddExp(scores[..start], greatest, lanes[firstLane..]);
        }

        for (; start < scores.Length; start += ReductionLanes)
        {
            AddExp(scores.Slice(start, Math.Min(ReductionLanes, scores.Length - start)), greatest, lanes);
        }

        for (int half = ReductionLanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] += lanes[lane + half];
            }
        }

        return lanes[0];
    }

    private void AddExp(Span<float> scores, float greatest, Span<float> lanes)
    {
        var kernel = new ExpKernel(scores, greatest, lanes);
        Launch(ref kernel, scores.Length);
    }

    private readonly ref struct ExpKernel(Span<float> scores, float greatest, Span<float> lanes) : IKernel
    {
        private readonly ref float _scores = ref MemoryMarshal.GetReference(scores);
        private readonly ref float _lanes = ref MemoryMarshal.GetReference(lanes);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat score = TLanes.Subtract(TLanes.Load(in _scores, index), TLanes.Broadcast(greatest));
            TFloat value = Exp<TLanes, TFloat, TBits>(score);
            TLanes.Store(value, ref _scores, index);
            TLanes.Store(TLanes.Add(TLanes.Load(in _lanes, index), value), ref _lanes, index);
        }
    }
}
