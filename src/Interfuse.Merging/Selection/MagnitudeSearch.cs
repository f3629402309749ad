using System.Buffers;
using Interfuse.Compute;
using Interfuse.Merging.Methods;

namespace Interfuse.Merging.Selection;

/// <summary>The search for the k-th largest magnitude of one expert's task vector.</summary>
/// <remarks>
/// Once narrowing, the answer is in [_low, _high] for certain and exactly _belowLow elements lie below it.
/// A sweep either collects the elements of that bracket, or counts them in bins to narrow it. Blocks of different tiles
/// are visited by different threads at once; whatever they write is kept per tile, or guarded by a lock.
/// </remarks>
internal sealed class MagnitudeSearch
{
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

    /// <param name="keep">How many elements to keep, 0 to <paramref name="elements"/>.</param>
    /// <param name="elements">The number of elements of the tensor.</param>
    /// <param name="tiles">The number of its tiles.</param>
    /// <param name="room">How many magnitudes may be held between sweeps.</param>
    public MagnitudeSearch(long keep, long elements, int tiles, long room)
    {
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

    /// <summary>Whether the k-th largest magnitude is known (the cut among its equals may still have to be located).</summary>
    public bool IsResolved { get; private set; }

    /// <summary>The result, once resolved and located.</summary>
    public TopKThreshold Threshold { get; private set; }

    /// <summary>The tile in which some but not all elements of the threshold's magnitude are kept, or -1.</summary>
    public int CutTile { get; private set; } = -1;

    /// <summary>Makes room for a sample of this many elements.</summary>
    public void BeginSample(int length) => _sample = IsResolved ? null : new uint[length];

    /// <summary>Takes a block's magnitudes into the sample, from the given place on.</summary>
    public void Sample(in Block block, int expert, int place)
    {
        if (_sample is not null)
        {
            block.Kernels.CountAndCollect(
                block.Base, block.Experts[expert], 0, TopKThreshold.MaximumBits, _sample.AsSpan(place, block.Length));
        }
    }

    /// <summary>Takes in one block of a full sweep.</summary>
    public void Visit(in Block block, int expert)
    {
        if (IsResolved)
        {
            return;
        }

        ReadOnlySpan<float> baseValues = block.Base;
        ReadOnlySpan<float> values = block.Experts[expert];
        switch (_mode)
        {
            case Mode.Collect:
                (int above, int collected) = block.Kernels.CountAndCollect(baseValues, values, _low, _high, block.Words);
                _above[block.Tile] += above;
                Keep(block.Tile, block.Words[..collected]);
                break;

            case Mode.Count:
                // An empty bracket collects nothing: only the count above is wanted.
                _above[block.Tile] += block.Kernels.CountAndCollect(baseValues, values, _low + 1, _low, block.Words).Above;
                _equal[block.Tile] += block.Kernels.CountEqual(baseValues, values, _low);
                break;

            default:
                Span<int> bins = stackalloc int[Bins];
                bins.Clear();
                block.Kernels.MagnitudeHistogram(baseValues, values, _low, _shift, bins);
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

    /// <summary>Draws the conclusion of the last sweep: the search is resolved, or the next sweep is prepared.</summary>
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

    /// <summary>Finds, in the tile of the cut, the index from which elements of the threshold's magnitude are dropped.</summary>
    public void Locate(in Block block, int expert)
    {
        if (Threshold.TieEnd != long.MaxValue)
        {
            return;
        }

        int equal = block.Kernels.CountEqual(block.Base, block.Experts[expert], Threshold.Bits);
        if (_cutRank >= equal)
        {
            _cutRank -= equal;
            return;
        }

        int index = block.Kernels.IndexOfEqual(block.Base, block.Experts[expert], Threshold.Bits, _cutRank);
        Threshold = Threshold with { TieEnd = block.Start + index };
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

    private void Keep(int tile, ReadOnlySpan<uint> magnitudes)
    {
        if (magnitudes.IsEmpty || Interlocked.Add(ref _collectedCount, magnitudes.Length) > _room)
        {
            return;
        }

        ArraySegment<uint> old = _collected[tile];
        uint[] array = old.Array ?? ArrayPool<uint>.Shared.Rent(2 * magnitudes.Length);
        if (old.Count + magnitudes.Length > array.Length)
        {
            array = ArrayPool<uint>.Shared.Rent(Math.Min(2 * (old.Count + magnitudes.Length), TileGrid.TileLength));
            old.AsSpan().CopyTo(array);
            ArrayPool<uint>.Shared.Return(old.Array!);
        }

        magnitudes.CopyTo(array.AsSpan(old.Count));
        _collected[tile] = new ArraySegment<uint>(array, 0, old.Count + magnitudes.Length);
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
