using Interfuse.Compute;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Execution;

/// <summary>One output tensor being made: the pass that runs now, and which of its tiles are taken and done.</summary>
/// <param name="tensor">The tensor.</param>
/// <param name="index">Its place in the plan and in the output's layout.</param>
/// <param name="merge">Its computation, or null where it is copied.</param>
internal sealed class TensorJob(PlannedTensor tensor, int index, TensorMerge? merge)
{
    private readonly int _tileCount = TileGrid.TileCount(tensor.Output.ElementCount);
    private TensorPass? _nextPass;
    private int _nextTiles;
    private bool _writing;
    private int _passTiles;
    private int _taken;
    private int _finished;
    private long _nonFinite;

    public PlannedTensor Tensor => tensor;

    public int Index => index;

    public TensorMerge? Merge => merge;

    /// <summary>The statistics pass that runs now, or null when the output is being written.</summary>
    public TensorPass? Pass { get; private set; }

    /// <summary>Whether some tiles of the present pass are still to be handed out.</summary>
    public bool HasTile => _taken < _passTiles;

    /// <summary>Whether the pass that is over was the one that wrote the output.</summary>
    public bool IsWritten { get; private set; }

    /// <summary>Values of the output that are NaN or infinite.</summary>
    public long NonFinite => Volatile.Read(ref _nonFinite);

    /// <summary>Hands out a tile of the present pass; callers hold the scheduler's lock.</summary>
    public int TakeTile()
    {
        int place = _taken++;
        return Pass?.Tiles is { } tiles ? tiles[place] : place;
    }

    /// <summary>Marks a tile done and tells whether it was the pass's last; callers hold the scheduler's lock.</summary>
    public bool FinishTile() => ++_finished == _passTiles;

    public void CountNonFinite(int values) => Interlocked.Add(ref _nonFinite, values);

    /// <summary>Finds the next pass that has tiles; no tile of this job is being worked on meanwhile, nor handed out.</summary>
    public void PreparePass()
    {
        do
        {
            if (_writing)
            {
                IsWritten = true;
                return;
            }

            _nextPass = merge?.NextPass();
            _writing = _nextPass is null;
            _nextTiles = _nextPass?.Tiles?.Count ?? _tileCount;
        }
        while (_nextTiles == 0);
    }

    /// <summary>Lets the tiles of the pass that was prepared be handed out; callers hold the scheduler's lock.</summary>
    public void BeginPass()
    {
        Pass = _nextPass;
        (_taken, _finished, _passTiles) = (0, 0, _nextTiles);
    }
}
