using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>How many of the expert's deltas have exactly these magnitude bits.</summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="bits">The magnitude bits to count.</param>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public int CountEqual(ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint bits) =>
        FindEqual(baseValues, expert, bits, int.MaxValue).Count;

    /// <summary>
    /// The index of the n-th element whose delta has exactly these magnitude bits: where the lowest indices win a tie.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="bits">The magnitude bits to find.</param>
    /// <param name="n">Which of the elements, counted from 0.</param>
    /// <returns>The index within the block, or -1 if there are not that many.</returns>
    /// <exception cref="ArgumentException">The lengths differ, or <paramref name="n"/> is negative.</exception>
    public int IndexOfEqual(ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint bits, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        return FindEqual(baseValues, expert, bits, n).Found;
    }

    private FindEqualKernel FindEqual(ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint bits, int n)
    {
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
        var kernel = new FindEqualKernel(baseValues, expert, bits, n);
        Launch(ref kernel, expert.Length);
        return kernel;
    }

    private ref struct FindEqualKernel(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint bits, int n) : IKernel
    {
        private readonly ref readonly float _base = ref MemoryMarshal.GetReference(baseValues);
        private readonly ref readonly float _expert = ref MemoryMarshal.GetReference(expert);
        private readonly uint _bits = bits;
        private readonly int _n = n;

        public int Count { get; private set; }

        public int Found { get; private set; } = -1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<TLanes, TFloat, TBits>(in _base, in _expert, index);
            TBits magnitude = Delta.Magnitude<TLanes, TFloat, TBits>(delta);
            uint equal = TLanes.Lanes(TLanes.Equal(magnitude, TLanes.Broadcast(_bits)));
            int count = BitOperations.PopCount(equal);
            if ((uint)(_n - Count) < (uint)count)
            {
                for (int skip = _n - Count; skip > 0; skip--)
                {
                    equal &= equal - 1;
                }

                Found = (int)index + BitOperations.TrailingZeroCount(equal);
            }

            Count += count;
        }
    }
}
