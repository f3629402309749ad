namespace Interfuse.Compute.Selection;

/// <summary>Exact selection among magnitude bits held in memory.</summary>
internal static class RadixSelect
{
    private const int DigitBits = 11;

    /// <summary>
    /// The value at a rank: fewer than <paramref name="rank"/> values lie above it, at least that many at or above it.
    /// </summary>
    /// <param name="parts">The values, in any number of pieces and in any order, each from low to high.</param>
    /// <param name="rank">1 for the largest; at most the number of values.</param>
    /// <param name="low">A bound below the values.</param>
    /// <param name="high">A bound above the values; the closer the two, the faster.</param>
    /// <param name="above">How many values lie above the result.</param>
    public static uint NthLargest(IReadOnlyList<ArraySegment<uint>> parts, long rank, uint low, uint high, out long above)
    {
        Span<long> bins = stackalloc long[1 << DigitBits];
        above = 0;
        while (low < high)
        {
            int shift = 0;
            while ((high - low) >> shift >> DigitBits != 0)
            {
                shift++;
            }

            bins.Clear();
            for (int part = 0; part < parts.Count; part++)
            {
                Count(parts[part].AsSpan(), low, high, shift, bins);
            }

            int bin = (int)((high - low) >> shift);
            while (above + bins[bin] < rank)
            {
                above += bins[bin--];
            }

            low += (uint)bin << shift;
            high = Math.Min(high, low + ((1u << shift) - 1));
        }

        return low;
    }

    private static void Count(ReadOnlySpan<uint> values, uint low, uint high, int shift, Span<long> bins)
    {
        uint range = high - low;
        foreach (uint value in values)
        {
            uint offset = value - low;
            if (offset <= range)
            {
                bins[(int)(offset >> shift)]++;
            }
        }
    }
}
