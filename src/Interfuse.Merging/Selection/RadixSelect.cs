namespace Interfuse.Merging.Selection;

/// <summary>Exact selection among magnitude bits held in memory.</summary>
internal static class RadixSelect
{
    // 31 bits, most significant first: 11 + 10 + 10.
    private static readonly (int Shift, int Bits)[] Digits = [(20, 11), (10, 10), (0, 10)];

    /// <summary>The value that has fewer than <paramref name="rank"/> values above it and at least that many at or above it.</summary>
    /// <param name="parts">The values, in any number of pieces and in any order; each below 2^31.</param>
    /// <param name="rank">1 for the largest; at most the number of values.</param>
    public static uint NthLargest(IReadOnlyList<ArraySegment<uint>> parts, long rank)
    {
        Span<long> bins = stackalloc long[1 << 11];
        uint prefix = 0;
        uint prefixMask = 0;
        foreach ((int shift, int bits) in Digits)
        {
            bins.Clear();
            uint digitMask = (1u << bits) - 1;
            for (int part = 0; part < parts.Count; part++)
            {
                foreach (uint value in parts[part].AsSpan())
                {
                    if ((value & prefixMask) == prefix)
                    {
                        bins[(int)((value >> shift) & digitMask)]++;
                    }
                }
            }

            int digit = (int)digitMask;
            while (bins[digit] < rank)
            {
                rank -= bins[digit--];
            }

            prefix |= (uint)digit << shift;
            prefixMask |= digitMask << shift;
        }

        return prefix;
    }
}
