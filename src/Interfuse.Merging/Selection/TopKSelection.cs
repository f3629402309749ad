using Interfuse.Compute;
using Interfuse.Merging.Methods;

namespace Interfuse.Merging.Selection;

/// <summary>Finds the k largest magnitudes of each expert's task vector exactly, in few sweeps and little memory.</summary>
/// <remarks>
/// A sort is not needed and a tensor need not fit in memory. A sample of blocks says between which two magnitudes the k-th largest
/// almost certainly lies; one sweep counts what is above and collects what is between; the answer is picked from the
/// collected. Where the sample misled, or more lies between than there is room for, histograms narrow the
/// bracket until it fits. The sample only steers: the result is exact, whatever it showed. All experts are searched in the same
/// sweeps, so that the inputs are read once for all.
/// </remarks>
internal sealed class TopKSelection
{
    // Up to this many tiles, everything is collected at once; from twice as many on, sampling pays.
    private const int SmallTiles = 4;
    private const int SampledTiles = 64;

    private readonly MagnitudeSearch[] _searches;
    private readonly int _tiles;
    private bool _sampled;
    private bool _located;

    /// <summary>Prepares a search per expert.</summary>
    /// <param name="keep">How many elements to keep of each expert's task vector, 0 to <paramref name="elements"/>.</param>
    /// <param name="elements">The number of elements of the tensor.</param>
    /// <param name="scratchBytes">How much may be held in memory between sweeps, for all experts together.</param>
    public TopKSelection(IReadOnlyList<long> keep, long elements, long scratchBytes)
    {
        _tiles = TileGrid.TileCount(elements);
        _sampled = _tiles <= SmallTiles;
        long room = Math.Max(scratchBytes / sizeof(uint) / Math.Max(keep.Count, 1), TileGrid.BlockLength);
        _searches = [.. keep.Select(count => new MagnitudeSearch(count, elements, _tiles, room))];
    }

    /// <summary>The threshold of one expert, once <see cref="NextPass"/> has given null.</summary>
    public TopKThreshold this[int expert] => _searches[expert].Threshold;

    /// <summary>The sweep to run next, or null when every threshold is known.</summary>
    public TensorPass? NextPass()
    {
        if (!_sampled)
        {
            _sampled = true;
            if (_searches.Any(search => !search.IsResolved))
            {
                return new SamplePass(this);
            }
        }

        foreach (MagnitudeSearch search in _searches)
        {
            search.Advance();
        }

        if (_searches.Any(search => !search.IsResolved))
        {
            return new SearchPass(this);
        }

        if (!_located)
        {
            _located = true;
            int[] tiles = [.. _searches.Select(search => search.CutTile).Where(tile => tile >= 0).Distinct().Order()];
            if (tiles.Length > 0)
            {
                return new LocatePass(this, tiles);
            }
        }

        return null;
    }

    /// <summary>The first place in (from, to) where some expert stops keeping equal magnitudes, or <paramref name="to"/>.</summary>
    public long NextCut(long from, long to)
    {
        foreach (MagnitudeSearch search in _searches)
        {
            long cut = search.Threshold.TieEnd;
            if (cut > from && cut < to)
            {
                to = cut;
            }
        }

        return to;
    }

    private sealed class SamplePass : TensorPass
    {
        private readonly TopKSelection _owner;
        private readonly int _stride;

        public SamplePass(TopKSelection owner)
        {
            _owner = owner;
            _stride = (owner._tiles + SampledTiles - 1) / SampledTiles;
            Tiles = [.. Enumerable.Range(0, owner._tiles / _stride).Select(sample => sample * _stride)];
            foreach (MagnitudeSearch search in owner._searches)
            {
                search.BeginSample(Tiles.Count * TileGrid.BlockLength);
            }
        }

        public override IReadOnlyList<int> Tiles { get; }

        public override bool OneBlockPerTile => true;

        public override void Visit(in Block block)
        {
            for (int expert = 0; expert < _owner._searches.Length; expert++)
            {
                _owner._searches[expert].Sample(block, expert, block.Tile / _stride * TileGrid.BlockLength);
            }
        }
    }

    private sealed class SearchPass(TopKSelection owner) : TensorPass
    {
        public override void Visit(in Block block)
        {
            for (int expert = 0; expert < owner._searches.Length; expert++)
            {
                owner._searches[expert].Visit(block, expert);
            }
        }
    }

    private sealed class LocatePass(TopKSelection owner, int[] tiles) : TensorPass
    {
        public override IReadOnlyList<int> Tiles => tiles;

        public override void Visit(in Block block)
        {
            for (int expert = 0; expert < owner._searches.Length; expert++)
            {
                if (owner._searches[expert].CutTile == block.Tile)
                {
                    owner._searches[expert].Locate(block, expert);
                }
            }
        }
    }
}
