using System.Numerics;
using System.Runtime.CompilerServices;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <summary>How often the last search for a threshold read all elements; its sample is not counted.</summary>
    internal int LastSelectionSweeps { get; private set; }

    /// <inheritdoc/>
    protected override TopKThreshold FindThresholdCore(DeviceSpan baseValues, DeviceSpan expert, long keep)
    {
        var search = new ThresholdSearch(this, Pair(baseValues, expert), keep);
        TopKThreshold threshold = search.Run();
        LastSelectionSweeps = search.Sweeps;
        return threshold;
    }

    /// <summary>The search for the k-th largest magnitude; kernels/select_state.cuh says how it goes.</summary>
    /// <remarks>
    /// The host decides what is done next, from what the last sweep counted. The sample's bracket holds the answer
    /// unless chance is against it (once in some ten thousand searches, if at all); then histograms narrow what is
    /// left.
    /// </remarks>
    private sealed class ThresholdSearch
    {
        // From this many elements on, a sample saves more than its kernels cost; below, all are candidates.
        private const long SampleFrom = 1 << 19;
        private const long ElementsPerGroup = 256;
        private const long MaxGroups = 1 << 17;
        private const int GroupLength = 8;

        private const int MagnitudeBits = 31;
        private const int DigitBits = 11;
        private const int DigitBins = 1 << DigitBits;

        private readonly CudaQueue _queue;
        private readonly SelectionPair _pair;
        private readonly long _keep;
        private readonly long _room;
        private readonly long _tileBytes;
        private readonly ulong _state;
        private readonly ulong _result;
        private readonly ulong _bins;
        private readonly ulong _tilesAtLow;
        private readonly ulong _tilesAtHigh;
        private readonly ulong _candidates;
        private readonly ulong _candidateTiles;

        public ThresholdSearch(CudaQueue queue, SelectionPair pair, long keep)
        {
            (_queue, _pair, _keep) = (queue, pair, keep);
            _room = Math.Max(Math.Min(pair.Length, SampleFrom), pair.Length / 32);
            _tileBytes = (long)TileGrid.TileCount(pair.Length) * sizeof(uint);
            var plan = new ScratchPlan();
            long state = plan.Add(Unsafe.SizeOf<SelectionState>());
            long result = plan.Add(sizeof(long));
            long bins = plan.Add(Math.Max(2 * DigitBins * sizeof(uint), MaxBins * sizeof(long)));
            long atLow = plan.Add(_tileBytes);
            long atHigh = plan.Add(_tileBytes);
            long candidates = plan.Add(_room * sizeof(uint));
            long tiles = plan.Add(_room * sizeof(uint));
            ulong scratch = queue.Scratch(plan.ByteLength);
            (_state, _result, _bins) = (scratch + (ulong)state, scratch + (ulong)result, scratch + (ulong)bins);
            (_tilesAtLow, _tilesAtHigh) = (scratch + (ulong)atLow, scratch + (ulong)atHigh);
            (_candidates, _candidateTiles) = (scratch + (ulong)candidates, scratch + (ulong)tiles);
        }

        public int Sweeps { get; private set; }

        public TopKThreshold Run()
        {
            if (_pair.Length < SampleFrom)
            {
                Begin(new SelectionState { High = TopKThreshold.MaximumBits });
            }
            else
            {
                BracketFromSample();
            }

            while (true)
            {
                SelectionState counts = Sweep();
                long fromHigh = counts.Above + counts.AtHigh;
                long fromInside = fromHigh + counts.Inside;
                if (_keep <= counts.Above)
                {
                    Narrow(counts.High + 1, TopKThreshold.MaximumBits, _pair.Length - counts.Above);
                }
                else if (_keep <= fromHigh)
                {
                    return Cut(counts.High, _keep - counts.Above, counts.AtHigh, _tilesAtHigh);
                }
                else if (_keep <= fromInside && counts.Inside <= _room)
                {
                    return PickCandidate(counts, _keep - fromHigh);
                }
                else if (_keep <= fromInside)
                {
                    Narrow(counts.Low + 1, counts.High - 1, _pair.Length - fromInside);
                }
                else if (_keep <= fromInside + counts.AtLow)
                {
                    return Cut(counts.Low, _keep - fromInside, counts.AtLow, _tilesAtLow);
                }
                else
                {
                    Narrow(0, counts.Low - 1, 0);
                }
            }
        }

        private void Begin(SelectionState state) => _queue.Write(_state, new ReadOnlySpan<SelectionState>(in state));

        // The sampled groups may each be all above the answer or all below: a group counts as one draw. The bracket is
        // four standard deviations of a binomial distribution wide to either side, and a little more for rare ones.
        private void BracketFromSample()
        {
            long groups = Math.Min(_pair.Length / ElementsPerGroup, MaxGroups);
            long sampled = groups * GroupLength;
            double share = (double)_keep / _pair.Length;
            long rank = (long)(share * sampled);
            long margin = (long)(GroupLength * (4 * Math.Sqrt(groups * share * (1 - share)) + 8));
            bool hasLow = rank + margin <= sampled;
            bool hasHigh = rank - margin >= 1;
            Begin(new SelectionState
            {
                LowRank = hasLow ? rank + margin : 0,
                HighRank = hasHigh ? rank - margin : 0,
                High = hasHigh ? 0 : TopKThreshold.MaximumBits,
            });
            _queue.Launch(
                "interfuse_select_sample",
                SelectionBlocks(groups, SelectionThreads),
                SelectionThreads,
                new SelectSampleArguments(_pair, _candidates, groups));
            Search(sampled, MagnitudeBits);
        }

        // Runs the state's searches over the values where candidates stand, which differ in the given number of low
        // bits.
        private void Search(long values, int bits)
        {
            _queue.Clear(_bins, 2 * DigitBins * sizeof(uint));
            long blocks = Math.Min(SelectionBlocks(values, 2 * SelectionStep), 4 * _queue.Multiprocessors);
            while (bits > 0)
            {
                int shift = Math.Max(bits - DigitBits, 0);
                _queue.Launch("interfuse_select_digits", blocks, SelectionThreads, new SelectDigitsArguments(
                    _candidates, _state, _bins, values, shift, 1 << (bits - shift)));
                var pick = new SelectPickArguments(_state, _bins, shift);
                _queue.Launch("interfuse_select_pick", 2, SelectionThreads, pick);
                bits = shift;
            }
        }

        private SelectionState Sweep()
        {
            Sweeps++;
            int chunk = _queue.SelectionSweepChunk(_pair.Length);
            _queue.Clear(_tilesAtLow, _tileBytes);
            _queue.Clear(_tilesAtHigh, _tileBytes);
            var arguments = new SelectSweepArguments(
                _pair, _state, _candidates, _candidateTiles, _tilesAtLow, _tilesAtHigh, _room, chunk);
            long blocks = SelectionBlocks(_pair.Length, chunk);
            _queue.Launch("interfuse_select_sweep", blocks, SelectionThreads, arguments);
            return _queue.ReadOne<SelectionState>(_state);
        }

        private TopKThreshold PickCandidate(SelectionState counts, long rank)
        {
            Begin(new SelectionState { LowRank = rank, Low = counts.Low + 1 });
            Search(counts.Inside, Math.Max(BitOperations.Log2(counts.High - counts.Low - 1) + 1, 1));
            SelectionState found = _queue.ReadOne<SelectionState>(_state);
            if (found.LowRank != found.LowEqual)
            {
                _queue.Clear(_tilesAtLow, _tileBytes);
                long blocks = Math.Min(SelectionBlocks(counts.Inside, SelectionStep), 4 * _queue.Multiprocessors);
                _queue.Launch("interfuse_select_tally", blocks, SelectionThreads, new SelectTallyArguments(
                    _candidates, _candidateTiles, _tilesAtLow, counts.Inside, found.Low));
            }

            return Cut(found.Low, found.LowRank, found.LowEqual, _tilesAtLow);
        }

        // Keeps so many of the elements of one magnitude, which are counted tile by tile.
        private TopKThreshold Cut(uint bits, long kept, long equal, ulong tiles) => new(
            bits,
            kept == equal
                ? long.MaxValue
                : _queue.Locate(_pair, bits, kept, tiles, TileGrid.TileLength, _result));

        // Makes a bracket, from magnitudes between which the answer lies for certain, that holds no more than there is
        // room for. Bins count from below, so that what lies above the bracket and shares its last bin does no harm.
        private void Narrow(uint low, uint high, long below)
        {
            Span<long> bins = stackalloc long[MaxBins];
            long inside;
            do
            {
                int shift = 0;
                while ((high - low) >> shift >= MaxBins)
                {
                    shift++;
                }

                Sweeps++;
                Span<long> counts = bins[..(int)(((high - low) >> shift) + 1)];
                _queue.Histogram(_pair, low, shift, _bins, counts);
                int bin = 0;
                while (below + counts[bin] <= _pair.Length - _keep)
                {
                    below += counts[bin++];
                }

                inside = counts[bin];
                low += (uint)bin << shift;
                high = Math.Min(high, low + ((1u << shift) - 1));
            }
            while (low != high && inside > _room);
            Begin(new SelectionState { Low = low, High = high });
        }
    }
}
