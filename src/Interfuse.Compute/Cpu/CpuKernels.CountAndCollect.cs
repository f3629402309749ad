using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// Counts the expert's deltas whose magnitude bits lie above <paramref name="high"/> and collects the magnitude
    /// bits that lie from <paramref name="low"/> to <paramref name="high"/>, in the order of their elements.
    /// </summary>
    /// <remarks>Made for few candidates, a percent or two; more are correct but slower.</remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="low">The lowest magnitude bits to collect.</param>
    /// <param name="high">The highest magnitude bits to collect; below <paramref name="low"/> collects nothing.</param>
    /// <param name="candidates">
    /// Receives the candidates from its start on. It has room for as many as there are elements; what lies behind the
    /// collected ones, within that length, is scratch.
    /// </param>
    /// <returns>How many lie above, and how many were collected.</returns>
    /// <exception cref="ArgumentException">The lengths differ, or there is too little room.</exception>
    public (int Above, int Collected) CountAndCollect(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint low, uint high, Span<uint> candidates)
    {
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
        if (candidates.Length < expert.Length)
        {
            throw new ArgumentException(
                $"There is room for {candidates.Length} candidates; {expert.Length} are possible.", nameof(candidates));
        }

        return CountAndCollect(
            new Float32Source(baseValues), new Float32Source(expert), expert.Length, low, high, candidates);
    }

    /// <summary>The same for stored bfloat16 values, of any number.</summary>
    internal (int Above, int Collected) CountAndCollect(
        ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> expert, uint low, uint high, Span<uint> candidates) =>
        CountAndCollect(
            new BFloat16Source(baseValues), new BFloat16Source(expert), expert.Length / sizeof(ushort), low, high,
            candidates);

    private (int Above, int Collected) CountAndCollect<TSource>(
        TSource baseValues, TSource expert, int length, uint low, uint high, Span<uint> candidates)
        where TSource : struct, IElementSource, allows ref struct
    {
        var kernel = new CountAndCollectKernel<TSource>(baseValues, expert, low, high, candidates);
        Launch(ref kernel, length);
        return (kernel.Above, (int)kernel.Collected);
    }

    private ref struct CountAndCollectKernel<TSource>(
        TSource baseValues, TSource expert, uint low, uint high, Span<uint> candidates) : IKernel
        where TSource : struct, IElementSource, allows ref struct
    {
        private readonly TSource _base = baseValues;
        private readonly TSource _expert = expert;
        private readonly uint _high = high;

        // One comparison finds the candidates: m - low <= high - low, where a smaller m wraps around to a large number.
        // No magnitude equals an all-ones low, so that with a width of 0 is an empty range.
        private readonly uint _low = low <= high ? low : uint.MaxValue;
        private readonly uint _width = low <= high ? high - low : 0;
        private readonly ref uint _candidates = ref MemoryMarshal.GetReference(candidates);

        public int Above { get; private set; }

        public nuint Collected { get; private set; }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<TSource, TLanes, TFloat, TBits>(_base, _expert, index);
            TBits magnitude = Delta.Magnitude<TLanes, TFloat, TBits>(delta);
            TBits isAbove = TLanes.GreaterThan(magnitude, TLanes.Broadcast(_high));
            TBits isCandidate = TLanes.GreaterOrEqual(
                TLanes.Broadcast(_width), TLanes.Subtract(magnitude, TLanes.Broadcast(_low)));
            Above += BitOperations.PopCount(TLanes.Lanes(isAbove));
            TLanes.StoreSelected(isCandidate, magnitude, ref _candidates, Collected);
            Collected += (nuint)BitOperations.PopCount(TLanes.Lanes(isCandidate));
        }
    }
}
