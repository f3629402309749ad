namespace Interfuse.Compute;

/// <summary>
/// What Philox asks of a vector width: 64-bit lanes, one counter in each. A vector holds the same word of all counters,
/// in the
/// lower half of its lanes; the upper halves may hold anything, since the arithmetic never looks at them.
/// </summary>
internal interface ICounterLanes<TWords>
{
    /// <summary>The number of lanes.</summary>
    static abstract int Count { get; }

    static abstract TWords Broadcast(ulong value);

    /// <summary>The sums of a number and the counters' places among those of this vector.</summary>
    static abstract TWords Consecutive(ulong first);

    static abstract TWords Add(TWords left, TWords right);

    /// <summary>The 64-bit products of the lower halves.</summary>
    static abstract TWords Multiply(TWords left, TWords right);

    static abstract TWords Xor(TWords first, TWords second, TWords third);

    static abstract TWords Xor(TWords first, TWords second);

    /// <summary>Moves the upper halves down.</summary>
    static abstract TWords UpperHalf(TWords words);

    /// <summary>Stores four words per counter, one counter after the other.</summary>
    static abstract void Store(TWords word0, TWords word1, TWords word2, TWords word3, ref uint origin, nuint index);
}
