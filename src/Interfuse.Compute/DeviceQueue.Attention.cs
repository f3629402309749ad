using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>Writes the keys and values of new tokens to their places in the pages.</summary>
    /// <param name="pages">The layer's pages.</param>
    /// <param name="places">Where the tokens stand; no two at one place.</param>
    /// <param name="keys">[T, G, d], F32.</param>
    /// <param name="values">[T, G, d], F32.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules.</exception>
    public void StoreKeyValues(in KeyValuePages pages, in TokenPlaces places, DeviceSpan keys, DeviceSpan values)
    {
        long length = places.Tokens * pages.Heads * pages.HeadLength;
        CheckTable(keys, DType.Float32, length, nameof(keys));
        CheckTable(values, DType.Float32, length, nameof(values));
        CheckDisjoint([pages.Values], [keys, values, places.Sequences, places.Positions, places.Pages]);
        StoreKeyValuesCore(pages, places, keys, values);
    }

    /// <summary>
    /// Causal attention: each token looks at the positions of its own sequence up to its own, which are in the pages
    /// already. With s_j the <c>scale</c> times the inner product of the query and key j, the result is
    /// <c>sum over j of softmax(s)_j * value_j</c>.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Query head h uses key-value head h / (H / G) (grouped-query attention, Ainslie et al., 2023). Under a window of
    /// w, positions p - w + 1 to p are looked at by a token at position p (sliding window, Jiang et al., 2023).
    /// </para>
    /// <para>
    /// Canonical order: an inner product starts at +0 and takes <c>fma(q, k, sum)</c> in the order of the elements, then
    /// is multiplied by the scale. The greatest score is subtracted and <see cref="CpuKernels.Exp(float)"/> taken. In
    /// each page, the exponentials add into lane j % 16 in the order of the positions, and lanes are folded 8, 4, 2, 1;
    /// each element of the values starts at +0 and takes <c>fma(exponential, value, sum)</c> in the order of the
    /// positions. Pages are added in order to sums that start at +0, and the one is divided by the other. A NaN's bits
    /// are open.
    /// </para>
    /// </remarks>
    /// <param name="pages">The layer's pages.</param>
    /// <param name="places">Where the tokens stand.</param>
    /// <param name="queries">[T, H, d], F32; H a multiple of G.</param>
    /// <param name="scale">What inner products are multiplied by: the usual one is 1 / sqrt(d).</param>
    /// <param name="window">w, 1 or more; <see cref="int.MaxValue"/> for no window.</param>
    /// <param name="result">Receives [T, H, d], F32; disjoint from the others.</param>
    /// <exception cref="ArgumentException">Types, lengths or overlap break the rules.</exception>
    public void Attention(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        long group = places.Tokens * pages.Heads * pages.HeadLength;
        if (queries.Length == 0 || queries.Length % group != 0)
        {
            throw new ArgumentException(
                $"{queries.Length} elements are no whole number of query heads for each of {pages.Heads} key-value heads "
                + $"of {pages.HeadLength} and {places.Tokens} tokens.",
                nameof(queries));
        }

        CheckTable(queries, DType.Float32, queries.Length, nameof(queries));
        CheckTable(result, DType.Float32, queries.Length, nameof(result));
        CheckDisjoint([result], [queries, pages.Values, places.Sequences, places.Positions, places.Pages]);
        AttentionCore(pages, places, queries, scale, window, result);
    }

    /// <summary><see cref="StoreKeyValues"/>, checked.</summary>
    protected abstract void StoreKeyValuesCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan keys, DeviceSpan values);

    /// <summary><see cref="Attention"/>, checked.</summary>
    protected abstract void AttentionCore(
        in KeyValuePages pages, in TokenPlaces places, DeviceSpan queries, float scale, int window, DeviceSpan result);
}
