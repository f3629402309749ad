using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>Which of the expert's deltas are kept and above 0, and which are kept and below, a bit each.</summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="minimumBits">The smallest magnitude bits to keep. 0 and NaN have no sign, kept or not.</param>
    /// <param name="raised">
    /// Receives the bits of those above 0, from the lowest of the first word on; as many words as it takes.
    /// </param>
    /// <param name="lowered">Receives the bits of those below 0.</param>
    /// <exception cref="ArgumentException">The lengths don't belong together.</exception>
    public void SignWords(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint minimumBits, Span<uint> raised, Span<uint> lowered)
    {
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
        SignWords(
            new Float32Source(baseValues), new Float32Source(expert), expert.Length, minimumBits, raised, lowered);
    }

    /// <summary>The same for stored bfloat16 values.</summary>
    internal void SignWords(
        ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> expert, uint minimumBits, Span<uint> raised, Span<uint> lowered) =>
        SignWords(
            new BFloat16Source(baseValues), new BFloat16Source(expert), expert.Length / sizeof(ushort), minimumBits,
            raised, lowered);

    private void SignWords<TSource>(
        TSource baseValues, TSource expert, int length, uint minimumBits, Span<uint> raised, Span<uint> lowered)
        where TSource : struct, IElementSource, allows ref struct
    {
        int words = (length + 31) / 32;
        CheckLength(raised.Length, words, nameof(raised));
        CheckLength(lowered.Length, words, nameof(lowered));
        raised.Clear();
        lowered.Clear();

        // Above infinity there are NaNs only.
        if (minimumBits <= InfinityBits)
        {
            var kernel = new SignWordsKernel<TSource>(baseValues, expert, Math.Max(minimumBits, 1), raised, lowered);
            Launch(ref kernel, length);
        }
    }

    private const uint InfinityBits = 0x7F80_0000;

    private readonly ref struct SignWordsKernel<TSource>(
        TSource baseValues, TSource expert, uint minimumBits, Span<uint> raised, Span<uint> lowered) : IKernel
        where TSource : struct, IElementSource, allows ref struct
    {
        private readonly TSource _base = baseValues;
        private readonly TSource _expert = expert;
        private readonly uint _low = minimumBits;
        private readonly ref uint _raised = ref MemoryMarshal.GetReference(raised);
        private readonly ref uint _lowered = ref MemoryMarshal.GetReference(lowered);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TBits bits = TLanes.AsBits(Delta.Of<TSource, TLanes, TFloat, TBits>(_base, _expert, index));

            // One comparison finds what has a sign: m - low <= infinity - low, where a smaller m wraps around to a large
            // number; and for the negative ones the same without their sign.
            TBits low = TLanes.Broadcast(_low);
            TBits width = TLanes.Broadcast(InfinityBits - _low);
            TBits turned = TLanes.Xor(bits, TLanes.Broadcast(0x8000_0000u));
            uint up = TLanes.LanesGreaterOrEqual(width, TLanes.Subtract(bits, low));
            uint down = TLanes.LanesGreaterOrEqual(width, TLanes.Subtract(turned, low));
            int shift = (int)(index % 32);
            Unsafe.Add(ref _raised, index / 32) |= up << shift;
            Unsafe.Add(ref _lowered, index / 32) |= down << shift;
        }
    }
}
