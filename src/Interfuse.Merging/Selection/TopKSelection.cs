using Interfuse.Compute;
using Interfuse.Compute.Selection;
using Interfuse.Merging.Methods;

namespace Interfuse.Merging.Selection;

/// <summary>Finds the k largest magnitudes of each expert's task vector exactly, in few passes over a tensor's tiles.</summary>
/// <remarks>All experts are searched (<see cref="MagnitudeSearch"/>) in the same passes, so that the inputs are read once for all.</remarks>
internal sealed class TopKSelection
{
    private readonly MagnitudeSearch[] _searches;
    private readonly int[] _sampleTiles;
    private bool _sampled;
    private bool _located;

    /// <summary>Prepares a search per expert.</summary>
    /// <param name="keep">How many elements to keep of each expert's task vector, 0 to <paramref name="elements"/>.</param>
    /// <param name="elements">The number of elements of the tensor.</param>
    /// <param name="scratchBytes">How much may be held in memory between passes, for all experts together.</param>
    public TopKSelection(IReadOnlyList<long> keep, long elements, long scratchBytes)
    {
        _sampleTiles = SamplePlan.Tiles(TileGrid.TileCount(elements));
        _sampled = _sampleTiles.Length == 0;
        long room = Math.Max(scratchBytes / sizeof(uint) / Math.Max(keep.Count, 1), TileGrid.BlockLength);
        _searches = [.. keep.Select(count => new MagnitudeSearch(count, elements, room))];
    }

    /// <summary>The threshold of one expert, once <see cref="NextPass"/> has given null.</summary>
    public TopKThreshold this[int expert] => _searches[expert].Threshold;

    /// <summary>The pass to run next, or null when every threshold is known.</summary>
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

    private sealed class SamplePass : TensorPass
    {
        private readonly TopKSelection _owner;

        public SamplePass(TopKSelection owner)
        {
            _owner = owner;
            foreach (MagnitudeSearch search in owner._searches)
            {
                search.BeginSample(owner._sampleTiles.Length * TileGrid.BlockLength);
            }
        }

        public override IReadOnlyList<int> Tiles => _owner._sampleTiles;

        public override bool OneBlockPerTile => true;

        public override void Visit(in Chunk chunk)
        {
            int place = Array.BinarySearch(_owner._sampleTiles, chunk.FirstTile);
            for (int expert = 0; expert < _owner._searches.Length; expert++)
            {
                _owner._searches[expert].Sample(
                    chunk.Queue, chunk.Base, chunk.Experts[expert], place * TileGrid.BlockLength);
            }
        }
    }

    private sealed class SearchPass(TopKSelection owner) : TensorPass
    {
        public override void Visit(in Chunk chunk)
        {
            for (int expert = 0; expert < owner._searches.Length; expert++)
            {
                owner._searches[expert].Visit(
                    chunk.Queue, chunk.Base, chunk.Experts[expert], chunk.FirstTile, chunk.Words);
            }
        }
    }

    private sealed class LocatePass(TopKSelection owner, int[] tiles) : TensorPass
    {
        public override IReadOnlyList<int> Tiles => tiles;

        public override void Visit(in Chunk chunk)
        {
            for (int expert = 0; expert < owner._searches.Length; expert++)
            {
                if (owner._searches[expert].CutTile == chunk.FirstTile)
                {
                    owner._searches[expert].Locate(chunk.Queue, chunk.Base, chunk.Experts[expert]);
                }
            }
        }
    }
}
