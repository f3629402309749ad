using System.Runtime.CompilerServices;

namespace Interfuse.Compute;

/// <summary>The sum of all contributions, in the order of the experts.</summary>
internal static class MergeSum
{
    /// <summary>The first contribution starts the sum, so that a sum of negative zeros keeps its sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TFloat Of<TTerms, TLanes, TFloat, TBits>(TTerms terms, nuint index, TFloat baseValue)
        where TTerms : struct, IMergeTerms, allows ref struct
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TFloat sum = terms.Value<TLanes, TFloat, TBits>(0, index, baseValue);
        for (nuint expert = 1; expert < terms.Count; expert++)
        {
            sum = TLanes.Add(sum, terms.Value<TLanes, TFloat, TBits>(expert, index, baseValue));
        }

        return sum;
    }
}
