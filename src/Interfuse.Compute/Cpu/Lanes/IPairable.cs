namespace Interfuse.Compute;

/// <summary>What <see cref="PairLanes{TLanes, TFloat, TBits}"/> ask of a vector width.</summary>
internal interface IPairable<TBits>
{
    /// <summary>The lanes of two vectors, seen as one row, dealt out in turns.</summary>
    static abstract Pair<TBits> Deal(TBits lower, TBits upper);

    /// <summary>The row again: its first half and its second.</summary>
    static abstract (TBits Lower, TBits Upper) Gather(Pair<TBits> pair);

    /// <summary>
    /// Stores past the caches, where a vector's alignment is kept. Others see it after the next full memory barrier.
    /// </summary>
    static abstract unsafe void StorePastCaches(TBits value, uint* address);
}
