using System.Buffers;

namespace Interfuse.Compute.Selection;

/// <summary>
/// The search for the k-th largest magnitude of one expert's task vector, in few sweeps over a tensor that need not fit
/// in
/// memory.
/// </summary>
/// <remarks>
/// <para>
/// A sort is not needed. A sample of blocks says between which two magnitudes the k-th largest almost certainly lies;
/// one
/// sweep counts what is above and collects what is between; the answer is picked from the collected. Where the sample
/// misled, or more lies between than there is room for, histograms narrow the bracket until it fits. The sample only
/// steers: the result is exact, whatever it showed.
/// </para>
/// <para>
/// Whoever drives it calls <see cref="Advance"/>, sweeps all tiles with <see cref="Visit"/>, and so on until
/// <see cref="IsResolved"/>; where there is a <see cref="CutTile"/>, <see cref="Locate"/> then looks into that tile.
/// Parts
/// of one sweep may be visited by several threads at once: what they write is kept per tile, or guarded by a lock.
/// </para>
/// </remarks>
public sealed class MagnitudeSearch
{
    // Once narrowing, the answer is in [_low, _high] for certain and exactly _belowLow elements lie below it.
    private const int Bins = 2048;

    private readonly long _keep;
    private readonly long _elements;
    private readonly long _room;
    private readonly int[] _above;
    private readonly int[] _equal;
    private readonly ArraySegment<uint>[] _collected;
    private readonly long[] _bins = new long[Bins];

    private uint[]? _sample;
    private Mode _mode = Mode.Collect;
    private bool _swept;
    private uint _low;
    private uint _high = TopKThreshold.MaximumBits;
    private long _belowLow;
    private int _shift;
    private long _collectedCount;
    private int _cutRank;

    /// <summary>Begins a search.</summary>
    /// <param name="keep">k: how many elements to keep, 0 to <paramref name="elements"/>.</param>
    /// <param name="elements">The number of elements of the tensor.</param>
    /// <param name="room">How many magnitudes may be held between sweeps; the result does not depend on it.</param>
    public MagnitudeSearch(long keep, long elements, long room)
    {
        int tiles = TileGrid.TileCount(elements);
        (_keep, _elements, _room) = (keep, elements, room);
        IsResolved = keep == 0 || keep == elements;
        Threshold = keep == 0 ? TopKThreshold.None : TopKThreshold.All;
        (_above, _equal, _collected) = IsResolved ? ([], [], []) : (new int[tiles], new int[tiles], new ArraySegment<uint>[tiles]);
    }

    private enum Mode
    {
        /// <summary>Count what is above the bracket and keep the magnitudes in it.</summary>
        Collect,

        /// <summary>The bracket is a single magnitude: count what is above and what is equal.</summary>
        Count,

        /// <summary>Count the bracket's magnitudes in bins.</summary>
        Narrow,
    }

    /// <summary>
    /// Whether the k-th largest magnitude is known (the cut among its equals may still have to be located).
    /// </summary>
    public bool IsResolved { get; private set; }

    /// <summary>The result, once resolved and located.</summary>
    public TopKThreshold Threshold { get; private set; }

    /// <summary>The tile in which some but not all elements of the threshold's magnitude are kept, or -1.</summary>
    public int CutTile { get; private set; } = -1;

    /// <summary>Makes room for a sample of this many elements.</summary>
    public void BeginSample(int length) => _sample = IsResolved ? null : new uint[length];

    /// <summary>Takes a block's magnitudes into the sample.</summary>
    /// <param name="queue">What to compute on.</param>
    /// <param name="baseValues">The base's elements.</param>
    /// <param name="expert">The expert's.</param>
    /// <param name="place">Where in the sample they go.</param>
    public void Sample(DeviceQueue queue, DeviceSpan baseValues, DeviceSpan expert, int place)
    {
        if (_sample is not null)
        {
            Span<TileCount> count = stackalloc TileCount[1];
            queue.CountAndCollect(
                baseValues, expert, 0, TopKThreshold.MaximumBits, count, _sample.AsSpan(place, (int)expert.Length));
        }
    }

    /// <summary>Takes in some consecutive tiles of a sweep.</summary>
    /// <param name="queue">What to compute on.</param>
    /// <param name="baseValues">The base's elements of these tiles.</param>
    /// <param name="expert">The expert's.</param>
    /// <param name="firstTile">The first tile.</param>
    /// <param name="candidates">Scratch for as many words as there are elements.</param>
    public void Visit(
        DeviceQueue queue, DeviceSpan baseValues, DeviceSpan expert, int firstTile, Span<uint> candidates)
    {
        if (IsResolved)
        {
            return;
        }

        int tiles = TileGrid.TileCount(expert.Length);
        switch (_mode)
        {
            case Mode.Collect:
                Collect(queue, baseValues, expert, firstTile, candidates, new TileCount[tiles]);
                break;

            case Mode.Count:
                // An empty bracket collects nothing: only the count above is wanted.
                var counts = new TileCount[tiles];
                queue.CountAndCollect(baseValues, expert, _low + 1, _low, counts, candidates);
                queue.CountEqual(baseValues, expert, _low, _equal.AsSpan(firstTile, tiles));
                for (int tile = 0; tile < tiles; tile++)
                {
                    _above[firstTile + tile] = counts[tile].Above;
                }

                break;

            default:
                long[] bins = new long[Bins];
                queue.MagnitudeHistogram(baseValues, expert, _low, _shift, bins);
                lock (_bins)
                {
                    for (int bin = 0; bin < Bins; bin++)
                    {
                        _bins[bin] += bins[bin];
                    }
                }

                break;
        }
    }

    /// <summary>
    /// Draws the conclusion of the last sweep: the search is resolved, or the next sweep is prepared.
    /// </summary>
    public void Advance()
    {
        if (IsResolved)
        {
            return;
        }

        if (_sample is not null)
        {
            BracketFromSample(_sample);
            _sample = null;
        }
        else if (_swept)
        {
            Conclude();
        }

        _swept = true;
    }

    /// <summary>
    /// Finds, in the tile of the cut, the index from which elements of the threshold's magnitude are dropped.
    /// </summary>
    /// <param name="queue">What to compute on.</param>
    /// <param name="baseValues">The base's elements of <see cref="CutTile"/>.</param>
    /// <param name="expert">The expert's.</param>
    public void Locate(DeviceQueue queue, DeviceSpan baseValues, DeviceSpan expert)
    {
        long index = queue.IndexOfEqual(baseValues, expert, Threshold.Bits, _cutRank);
        Threshold = Threshold with { TieEnd = ((long)CutTile * TileGrid.TileLength) + index };
    }

    private void Collect(
        DeviceQueue queue,
        DeviceSpan baseValues,
        DeviceSpan expert,
        int firstTile,
        Span<uint> candidates,
        TileCount[] counts)
    {
        int collected = queue.CountAndCollect(baseValues, expert, _low, _high, counts, candidates);
        bool fits = Interlocked.Add(ref _collectedCount, collected) <= _room;
        int start = 0;
        for (int tile = 0; tile < counts.Length; tile++)
        {
            _above[firstTile + tile] = counts[tile].Above;
            if (fits && counts[tile].Inside > 0)
            {
                uint[] kept = ArrayPool<uint>.Shared.Rent(counts[tile].Inside);
                candidates.Slice(start, counts[tile].Inside).CopyTo(kept);
                _collected[firstTile + tile] = new ArraySegment<uint>(kept, 0, counts[tile].Inside);
            }

            start += counts[tile].Inside;
        }
    }

    private void BracketFromSample(uint[] sample)
    {
        // Blocks of a tensor are not alike (rows differ in scale), hence the share on top of the statistical error.
        long rank = (long)((double)_keep / _elements * sample.Length);
        long margin = (sample.Length / 128) + (2 * (long)Math.Sqrt(sample.Length));
        if (rank - margin >= 1)
        {
            _high = RadixSelect.NthLargest([sample], rank - margin, 0, TopKThreshold.MaximumBits, out _);
        }

        if (rank + margin <= sample.Length)
        {
            _low = RadixSelect.NthLargest([sample], rank + margin, 0, TopKThreshold.MaximumBits, out _);
        }

        _mode = _low == _high ? Mode.Count : Mode.Collect;
    }

    private void Conclude()
    {
        if (_mode == Mode.Narrow)
        {
            NarrowToBin();
            return;
        }

        long above = Sum(_above);
        long inside = _mode == Mode.Count ? Sum(_equal) : _collectedCount;
        if (_keep <= above)
        {
            // The sample misled: the answer lies above the bracket.
            (_low, _high, _belowLow) = (_high + 1, TopKThreshold.MaximumBits, _elements - above);
            BeginNarrowing();
        }
        else if (_keep > above + inside)
        {
            (_low, _high, _belowLow) = (0, _low - 1, 0);
            BeginNarrowing();
        }
        else if (_mode == Mode.Collect && inside > _room)
        {
            _belowLow = _elements - above - inside;
            BeginNarrowing();
        }
        else
        {
            Resolve(above);
        }
    }

    private void Resolve(long above)
    {
        uint bits = _low;
        if (_mode == Mode.Collect)
        {
            bits = RadixSelect.NthLargest(_collected, _keep - above, _low, _high, out long collectedAbove);
            above += collectedAbove;
            for (int tile = 0; tile < _collected.Length; tile++)
            {
                _equal[tile] = _collected[tile].AsSpan().Count(bits);
            }

            ReleaseCollected();
        }

        IsResolved = true;
        Threshold = new TopKThreshold(bits, long.MaxValue);
        long rest = _keep - above;
        if (rest == Sum(_equal))
        {
            return;
        }

        int cut = 0;
        while (rest >= _equal[cut])
        {
            rest -= _equal[cut++];
        }

        (CutTile, _cutRank) = (cut, (int)rest);
    }

    private void BeginNarrowing()
    {
        ReleaseCollected();
        _mode = Mode.Narrow;
        _shift = 0;
        while ((_high - _low) >> _shift >= Bins)
        {
            _shift++;
        }

        Array.Clear(_bins);
    }

    private void NarrowToBin()
    {
        // Counted from below, so that magnitudes above the bracket that share its last bin do no harm.
        int bin = 0;
        while (_belowLow + _bins[bin] <= _elements - _keep)
        {
            _belowLow += _bins[bin++];
        }

        long inside = _bins[bin];
        _low += (uint)bin << _shift;
        _high = Math.Min(_high, _low + (1u << _shift) - 1);
        if (_low != _high && inside > _room)
        {
            BeginNarrowing();
            return;
        }

        _mode = _low == _high ? Mode.Count : Mode.Collect;
        Array.Clear(_above);
        Array.Clear(_equal);
    }

    private void ReleaseCollected()
    {
        foreach (ArraySegment<uint> part in _collected)
        {
            if (part.Array is not null)
            {
                ArrayPool<uint>.Shared.Return(part.Array);
            }
        }

        Array.Clear(_collected);
        _collectedCount = 0;
    }

    private static long Sum(int[] counts)
    {
        long sum = 0;
        foreach (int count in counts)
        {
            sum += count;
        }

        return sum;
    }
}
