using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>The greatest of some scores and another; NaN if one is.</summary>
    internal static float Greatest(ReadOnlySpan<float> scores, float other)
    {
        foreach (float score in scores)
        {
            // Comparisons that are false for NaN, so that one stays once it is there.
            other = score <= other ? other : float.IsNaN(other) ? other : score;
        }

        return other;
    }

    /// <summary>A query's scores with the keys of a page.</summary>
    /// <param name="query">[d].</param>
    /// <param name="keys">[d, <see cref="KeyValuePages.Length"/>].</param>
    /// <param name="scale">What inner products are multiplied by.</param>
    /// <param name="low">The first position that counts.</param>
    /// <param name="high">The end of those; scores of others near by may be written too.</param>
    /// <param name="scores">[<see cref="KeyValuePages.Length"/>].</param>
    internal void Scores(
        ReadOnlySpan<float> query, ReadOnlySpan<float> keys, float scale, int low, int high, Span<float> scores)
    {
        CheckLength(scores.Length, KeyValuePages.Length, nameof(scores));
        CheckLength(keys.Length, query.Length * KeyValuePages.Length, nameof(keys));
        switch (Path)
        {
            case CpuPath.Vector512:
                Scores<Lanes512, Vector512<float>, Vector512<uint>>(query, keys, scale, low, high, scores);
                break;
            case CpuPath.Vector256:
                Scores<Lanes256, Vector256<float>, Vector256<uint>>(query, keys, scale, low, high, scores);
                break;
            case CpuPath.Vector128:
                Scores<Lanes128, Vector128<float>, Vector128<uint>>(query, keys, scale, low, high, scores);
                break;
            default:
                Scores<Lanes1, float, uint>(query, keys, scale, low, high, scores);
                break;
        }
    }

    // Four vectors of positions at a time, so that no fused step waits for the one before.
    private static void Scores<TLanes, TFloat, TBits>(
        ReadOnlySpan<float> query, ReadOnlySpan<float> keys, float scale, int low, int high, Span<float> scores)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        nuint lanes = (nuint)TLanes.Count;
        ref readonly float k = ref MemoryMarshal.GetReference(keys);
        ref float s = ref MemoryMarshal.GetReference(scores);
        TFloat factor = TLanes.Broadcast(scale);
        for (nuint at = (nuint)low / (4 * lanes) * (4 * lanes); at < (nuint)high; at += 4 * lanes)
        {
            TFloat sum0 = TLanes.Broadcast(0f);
            TFloat sum1 = sum0;
            TFloat sum2 = sum0;
            TFloat sum3 = sum0;
            nuint key = at;
            foreach (float element in query)
            {
                TFloat q = TLanes.Broadcast(element);
                sum0 = TLanes.FusedMultiplyAdd(q, TLanes.Load(in k, key), sum0);
                sum1 = TLanes.FusedMultiplyAdd(q, TLanes.Load(in k, key + lanes), sum1);
                sum2 = TLanes.FusedMultiplyAdd(q, TLanes.Load(in k, key + (2 * lanes)), sum2);
                sum3 = TLanes.FusedMultiplyAdd(q, TLanes.Load(in k, key + (3 * lanes)), sum3);
                key += KeyValuePages.Length;
            }

            TLanes.Store(TLanes.Multiply(sum0, factor), ref s, at);
            TLanes.Store(TLanes.Multiply(sum1, factor), ref s, at + lanes);
            TLanes.Store(TLanes.Multiply(sum2, factor), ref s, at + (2 * lanes));
            TLanes.Store(TLanes.Multiply(sum3, factor), ref s, at + (3 * lanes));
        }
    }

    /// <summary><c>sums[i] = sum over j of weights[j] * values[j, i]</c>, fused, from +0 in the order of j.</summary>
    /// <param name="weights">[J].</param>
    /// <param name="values">[J, d].</param>
    /// <param name="sums">Receives [d].</param>
    internal void WeighValues(ReadOnlySpan<float> weights, ReadOnlySpan<float> values, Span<float> sums)
    {
        CheckLength(values.Length, weights.Length * sums.Length, nameof(values));
        var kernel = new WeighKernel(weights, values, sums);
        Launch(ref kernel, sums.Length);
    }

    /// <summary>Divides every value by one.</summary>
    internal void Divide(Span<float> values, float divisor)
    {
        var kernel = new DivideKernel(values, divisor);
        Launch(ref kernel, values.Length);
    }

    private readonly ref struct WeighKernel(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> values, Span<float> sums) : IKernel
    {
        private readonly ReadOnlySpan<float> _weights = weights;
        private readonly ref readonly float _values = ref MemoryMarshal.GetReference(values);
        private readonly ref float _sums = ref MemoryMarshal.GetReference(sums);
        private readonly nuint _stride = (nuint)sums.Length;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat sum = TLanes.Broadcast(0f);
            nuint at = index;
            foreach (float weight in _weights)
            {
                sum = TLanes.FusedMultiplyAdd(TLanes.Broadcast(weight), TLanes.Load(in _values, at), sum);
                at += _stride;
            }

            TLanes.Store(sum, ref _sums, index);
        }
    }

    private readonly ref struct DivideKernel(Span<float> values, float divisor) : IKernel
    {
        private readonly ref float _values = ref MemoryMarshal.GetReference(values);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Store(
                TLanes.Divide(TLanes.Load(in _values, index), TLanes.Broadcast(divisor)), ref _values, index);
    }
}
