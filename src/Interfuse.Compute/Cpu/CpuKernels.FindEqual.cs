using System.Numerics;
using System.Runtime.CompilerServices;

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

    /// <summary><c>CountEqual</c> for stored bfloat16 values, of any number.</summary>
    internal int CountEqual(ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> expert, uint bits) =>
        FindEqual(
            new BFloat16Source(baseValues), new BFloat16Source(expert), expert.Length / sizeof(ushort), bits,
            int.MaxValue).Count;

    private (int Count, int Found) FindEqual(
        ReadOnlySpan<float> baseValues, ReadOnlySpan<float> expert, uint bits, int n)
    {
        CheckLength(expert.Length, baseValues.Length, nameof(expert));
        return FindEqual(new Float32Source(baseValues), new Float32Source(expert), expert.Length, bits, n);
    }

    private (int Count, int Found) FindEqual<TSource>(
        TSource baseValues, TSource expert, int length, uint bits, int n)
        where TSource : struct, IElementSource, allows ref struct
    {
        var kernel = new FindEqualKernel<TSource>(baseValues, expert, bits, n);
        Launch(ref kernel, length);
        return (kernel.Count, kernel.Found);
    }

    private ref struct FindEqualKernel<TSource>(TSource baseValues, TSource expert, uint bits, int n) : IKernel
        where TSource : struct, IElementSource, allows ref struct
    {
        private readonly TSource _base = baseValues;
        private readonly TSource _expert = expert;
        private readonly uint _bits = bits;
        private readonly int _n = n;

        public int Count { get; private set; }

        public int Found { get; private set; } = -1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat delta = Delta.Of<TSource, TLanes, TFloat, TBits>(_base, _expert, index);
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
