using Interfuse.Compute;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Execution;

/// <summary>One output tensor being made: the pass that runs now, and which of its tiles are taken and done.</summary>
/// <param name="tensor">The tensor.</param>
/// <param name="index">Its place in the plan and in the output's layout.</param>
/// <param name="merge">Its computation, or null where it is copied.</param>
/// <param name="tilesPerStep">How many tiles one thread takes at a time of a pass over all of them.</param>
internal sealed class TensorJob(PlannedTensor tensor, int index, TensorMerge? merge, int tilesPerStep)
{
    private readonly int _tileCount = TileGrid.TileCount(tensor.Output.ElementCount);
    private TensorPass? _nextPass;
    private int _nextSteps;
    private bool _writing;
    private int _passSteps;
    private int _taken;
    private int _finished;
    private long _nonFinite;

    public PlannedTensor Tensor => tensor;

    public int Index => index;

    public TensorMerge? Merge => merge;

    /// <summary>The statistics pass that runs now, or null when the output is being written.</summary>
    public TensorPass? Pass { get; private set; }

    /// <summary>Whether some tiles of the present pass are still to be handed out.</summary>
    public bool HasTiles => _taken < _passSteps;

    /// <summary>Whether the pass that is over was the one that wrote the output.</summary>
    public bool IsWritten { get; private set; }

    /// <summary>Values of the output that are NaN or infinite.</summary>
    public long NonFinite => Volatile.Read(ref _nonFinite);

    /// <summary>Hands out tiles of the present pass; callers hold the scheduler's lock.</summary>
    public TileRun TakeTiles()
    {
        int step = _taken++;
        int first = step * tilesPerStep;
        return Pass?.Tiles is { } tiles
            ? new TileRun(tiles[step], 1)
            : new TileRun(first, Math.Min(_tileCount - first, tilesPerStep));
    }

    /// <summary>Marks what was handed out once as done and tells whether it was the pass's last; callers hold the scheduler's lock.</summary>
    public bool FinishTiles() => ++_finished == _passSteps;

    public void CountNonFinite(long values) => Interlocked.Add(ref _nonFinite, values);

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
            _nextSteps = _nextPass?.Tiles?.Count ?? ((_tileCount + tilesPerStep - 1) / tilesPerStep);
        }
        while (_nextSteps == 0);
    }

    /// <summary>Lets the tiles of the pass that was prepared be handed out; callers hold the scheduler's lock.</summary>
    public void BeginPass()
    {
        Pass = _nextPass;
        (_taken, _finished, _passSteps) = (0, 0, _nextSteps);
    }
}
