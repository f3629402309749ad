namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>
    /// Finds the k-th largest magnitude of a task vector, exactly, and how many of the elements that equal it belong to
    /// the
    /// k largest: the ones with the lowest index.
    /// </summary>
    /// <remarks>
    /// A radix selection over the magnitude bits, which a sample narrows to few candidates first; the sample only
    /// steers, the
    /// result is exact whatever it showed. Meant for tensors that are wholly in the device's memory.
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="keep">k: how many elements to keep, 0 to the number of elements.</param>
    /// <returns>
    /// The threshold: <see cref="TopKThreshold.All"/> where all are kept, <see cref="TopKThreshold.None"/> for 0. Its
    /// <see cref="TopKThreshold.TieEnd"/> is where the first of the equal magnitudes stands that is not kept, or
    /// <see cref="long.MaxValue"/> where all of them are.
    /// </returns>
    /// <exception cref="ArgumentException">Types or lengths break the rules of the class, or k is out of
    /// range.</exception>
    public TopKThreshold FindThreshold(DeviceSpan baseValues, DeviceSpan expert, long keep)
    {
        CheckPair(baseValues, expert);
        ArgumentOutOfRangeException.ThrowIfNegative(keep);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(keep, expert.Length);
        return keep == 0 ? TopKThreshold.None
            : keep == expert.Length ? TopKThreshold.All
            : FindThresholdCore(baseValues, expert, keep);
    }

    /// <summary>
    /// Top-k sparsification by compaction: the deltas to keep and where they stand, in the order of their index.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="keep">What to keep, see <see cref="FindThreshold"/>; the first element has index 0.</param>
    /// <param name="values">Receives the kept deltas, in any float type, rounded as by <see cref="Convert"/>.</param>
    /// <param name="indices">Receives their flat indices, Int32 or Int64; as many as <paramref name="values"/>.</param>
    /// <returns>How many are kept; where that is more than there is room for, what was written is undefined.</returns>
    /// <exception cref="ArgumentException">
    /// Types or lengths break the rules of the class, the two destinations differ in length or overlap something, or
    /// Int32
    /// can't count the elements.
    /// </exception>
    public long Compact(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, DeviceSpan values, DeviceSpan indices)
    {
        CheckPair(baseValues, expert);
        CheckCompaction(baseValues, expert, values, indices);
        return CompactCore(baseValues, expert, keep, values, indices);
    }

    /// <summary>Counts magnitude bits in bins: bin b takes those from <c>low + (b &lt;&lt; shift)</c> on.</summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="low">Where the first bin begins; what lies below or beyond the last bin is not counted.</param>
    /// <param name="shift">The binary logarithm of a bin's width, 0 to 31.</param>
    /// <param name="bins">The counts are added to these; 1 to <see cref="MaxBins"/>.</param>
    /// <exception cref="ArgumentException">Types, lengths, shift or bins are out of range.</exception>
    public void MagnitudeHistogram(DeviceSpan baseValues, DeviceSpan expert, uint low, int shift, Span<long> bins)
    {
        CheckPair(baseValues, expert);
        ArgumentOutOfRangeException.ThrowIfNegative(shift);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shift, 31);
        ArgumentOutOfRangeException.ThrowIfZero(bins.Length, nameof(bins));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bins.Length, MaxBins, nameof(bins));
        MagnitudeHistogramCore(baseValues, expert, low, shift, bins);
    }

    /// <summary>
    /// Counts, tile by tile, the deltas whose magnitude bits lie above a range and those in it, and collects the bits
    /// of the
    /// latter in the order of their elements.
    /// </summary>
    /// <param name="baseValues">Elements of the base from the beginning of a tile on.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="low">The lowest magnitude bits to collect.</param>
    /// <param name="high">The highest magnitude bits to collect; below <paramref name="low"/> collects nothing.</param>
    /// <param name="tiles">Receives the counts of each tile.</param>
    /// <param name="candidates">Receives the collected bits; room for as many as there are elements.</param>
    /// <returns>How many were collected.</returns>
    /// <exception cref="ArgumentException">Types or lengths break the rules of the class, or there is too little
    /// room.</exception>
    public int CountAndCollect(
        DeviceSpan baseValues, DeviceSpan expert, uint low, uint high, Span<TileCount> tiles, Span<uint> candidates)
    {
        CheckSweep(baseValues, expert, tiles.Length, nameof(tiles));
        if (candidates.Length < expert.Length)
        {
            throw new ArgumentException(
                $"There is room for {candidates.Length} candidates; {expert.Length} are possible.", nameof(candidates));
        }

        return CountAndCollectCore(baseValues, expert, low, high, tiles, candidates);
    }

    /// <summary>Counts, tile by tile, the deltas whose magnitude bits equal these.</summary>
    /// <param name="baseValues">Elements of the base from the beginning of a tile on.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="bits">The magnitude bits.</param>
    /// <param name="tiles">Receives the count of each tile.</param>
    /// <exception cref="ArgumentException">Types or lengths break the rules of the class.</exception>
    public void CountEqual(DeviceSpan baseValues, DeviceSpan expert, uint bits, Span<int> tiles)
    {
        CheckSweep(baseValues, expert, tiles.Length, nameof(tiles));
        CountEqualCore(baseValues, expert, bits, tiles);
    }

    /// <summary>Where the n-th of the deltas stands whose magnitude bits equal these.</summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's, as many.</param>
    /// <param name="bits">The magnitude bits.</param>
    /// <param name="n">How many of them come before it, 0 or more.</param>
    /// <returns>Its index from the first element given, or -1 where there are not so many.</returns>
    /// <exception cref="ArgumentException">Types or lengths break the rules of the class, or n is negative.</exception>
    public long IndexOfEqual(DeviceSpan baseValues, DeviceSpan expert, uint bits, long n)
    {
        CheckPair(baseValues, expert);
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        return IndexOfEqualCore(baseValues, expert, bits, n);
    }

    /// <summary>The most bins <see cref="MagnitudeHistogram"/> counts in.</summary>
    public const int MaxBins = 4096;

    /// <summary><see cref="FindThreshold"/>, checked, for a k that is neither 0 nor all.</summary>
    protected abstract TopKThreshold FindThresholdCore(DeviceSpan baseValues, DeviceSpan expert, long keep);

    /// <summary><see cref="Compact"/>, checked.</summary>
    protected abstract long CompactCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, DeviceSpan values, DeviceSpan indices);

    /// <summary><see cref="MagnitudeHistogram"/>, checked.</summary>
    protected abstract void MagnitudeHistogramCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, int shift, Span<long> bins);

    /// <summary><see cref="CountAndCollect"/>, checked.</summary>
    protected abstract int CountAndCollectCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, uint high, Span<TileCount> tiles, Span<uint> candidates);

    /// <summary><see cref="CountEqual"/>, checked.</summary>
    protected abstract void CountEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, Span<int> tiles);

    /// <summary><see cref="IndexOfEqual"/>, checked.</summary>
    protected abstract long IndexOfEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, long n);
}

/// <summary>What a tile holds relative to a range of magnitude bits.</summary>
/// <param name="Above">Elements whose magnitude bits lie above the range.</param>
/// <param name="Inside">Elements whose magnitude bits lie in it.</param>
public readonly record struct TileCount(int Above, int Inside);
