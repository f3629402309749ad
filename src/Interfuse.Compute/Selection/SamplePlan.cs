namespace Interfuse.Compute.Selection;

/// <summary>Which blocks of a tensor make the sample that steers a <see cref="MagnitudeSearch"/>.</summary>
public static class SamplePlan
{
    // Up to this many tiles, everything is collected at once; from twice as many on, sampling pays.
    private const int SmallTiles = 4;
    private const int SampledTiles = 64;

    /// <summary>
    /// The tiles to take one block of each from, ascending and evenly spread; none where a sample does not pay.
    /// </summary>
    /// <param name="tileCount">How many tiles the tensor has.</param>
    public static int[] Tiles(int tileCount)
    {
        int stride = (tileCount + SampledTiles - 1) / SampledTiles;
        return tileCount <= SmallTiles ? [] : [.. Enumerable.Range(0, tileCount / stride).Select(place => place * stride)];
    }

    /// <summary>
    /// Where in a tile its block begins: elsewhere in each, so that a period in the tensor's layout doesn't meet the
    /// sample's.
    /// </summary>
    /// <param name="tile">The tile.</param>
    /// <param name="tileLength">Its length.</param>
    public static int BlockStart(int tile, int tileLength)
    {
        int blocks = (tileLength + TileGrid.BlockLength - 1) / TileGrid.BlockLength;
        return tile * 37 % blocks * TileGrid.BlockLength;
    }
}
