using System.Numerics;
using System.Runtime.CompilerServices;

namespace Interfuse.Experts.Schemes;

/// <summary>Looks for entries of a table that are no rows of its bank.</summary>
internal static class TableScan
{
    /// <summary>The place of the first entry that is negative or not below the limit, or -1.</summary>
    /// <param name="table">I32 entries, at any address.</param>
    /// <param name="count">How many.</param>
    /// <param name="limit">The bank's rows.</param>
    public static unsafe long FirstOutside(byte* table, long count, uint limit)
    {
        // As unsigned numbers the negative ones are above every limit.
        var limits = new Vector<uint>(limit);
        long place = 0;
        for (; place <= count - Vector<uint>.Count; place += Vector<uint>.Count)
        {
            Vector<uint> entries = Unsafe.ReadUnaligned<Vector<uint>>(table + (place * sizeof(int)));
            if (Vector.GreaterThanOrEqualAny(entries, limits))
            {
                break;
            }
        }

        for (; place < count; place++)
        {
            if (Unsafe.ReadUnaligned<uint>(table + (place * sizeof(int))) >= limit)
            {
                return place;
            }
        }

        return -1;
    }
}
