namespace Interfuse.Compute;

/// <summary>
/// What Philox asks of a vector width: each lane is one counter of four 32-bit words, held as two 64-bit halves, word 0
/// lowest.
/// </summary>
internal interface ICounterLanes<TCounters>
{
    /// <summary>Words in all lanes: four per counter.</summary>
    static abstract int Words { get; }

    /// <summary>Both halves, the same in every lane.</summary>
    static abstract TCounters Broadcast(ulong lower, ulong upper);

    /// <summary>Adds its number to the lower half of each lane: 0 to the first, 1 to the second and so on.</summary>
    static abstract TCounters AddLane(TCounters counters);

    /// <summary>Sums of the 32-bit words, modulo 2^32.</summary>
    static abstract TCounters AddWords(TCounters left, TCounters right);

    /// <summary>For each half the 64-bit product of its lower words.</summary>
    static abstract TCounters MultiplyLower(TCounters left, TCounters right);

    static abstract TCounters Xor(TCounters left, TCounters right);

    /// <summary>Moves each half's upper word to the lower place; the upper becomes 0.</summary>
    static abstract TCounters UpperToLower(TCounters counters);

    /// <summary>The four words of each lane in reverse order.</summary>
    static abstract TCounters Reverse(TCounters counters);

    static abstract void Store(TCounters counters, ref uint origin, nuint index);
}
