using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    // Scratch on the stack, small enough to stay in the first-level cache beside the block.
    private const int HistogramChunk = 256;

    /// <summary>
    /// Counts the expert's deltas by size: every one whose magnitude bits m are at least <paramref name="low"/> adds 1
    /// to bin <c>(m - low) &gt;&gt; shift</c>, if there is such a bin.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="low">The magnitude bits at which bin 0 starts.</param>
    /// <param name="shift">Each bin covers 2^shift magnitudes, 0 to 31.</param>
    /// <param name="bins">The counts so far, any number of bins; they are added to.</param>
    /// <exception cref="ArgumentException">The lengths differ, or the shift is out of range.</exception>
    public void MagnitudeHistogram(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint low, int shift, Span<int> bins)
    {
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)shift, 31u, nameof(shift));

        // The magnitudes come by vector; the counting can't, because two lanes may meet in one bin.
        Span<uint> scratch = stackalloc uint[HistogramChunk];
        for (int start = 0; start < expert.Length; start += HistogramChunk)
        {
            int count = Math.Min(HistogramChunk, expert.Length - start);
            Span<uint> magnitudes = scratch[..count];
            var kernel = new MagnitudeKernel(baseValues.Slice(start, count), expert.Slice(start, count), magnitudes);
            Launch(ref kernel, count);
            foreach (uint magnitude in magnitudes)
            {
                uint bin = (magnitude - low) >> shift;
                if (magnitude >= low && bin < (uint)bins.Length)
                {
                    bins[(int)bin]++;
                }
            }
        }
    }

    private readonly ref struct MagnitudeKernel(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, Span<uint> destination) : IKernel
    {
        private readonly Float32Source _base = new(baseValues);
        private readonly Float32Source _expert = new(expert);
        private readonly ref uint _destination = ref MemoryMarshal.GetReference(destination);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<Float32Source, TLanes, TFloat, TBits>(_base, _expert, index);
            TLanes.Store(Delta.Magnitude<TLanes, TFloat, TBits>(delta), ref _destination, index);
        }
    }
}
