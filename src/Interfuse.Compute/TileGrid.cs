namespace Interfuse.Compute;

/// <summary>How a tensor is cut up: into tiles, and those into blocks.</summary>
/// <remarks>
/// Both lengths are part of the numeric contract: sums that span a tensor are taken lane by lane within a block
/// (<see cref="CpuKernels.Dot"/>), block by block within a tile, and tile by tile, on every device, so that they do not
/// depend on memory budget, thread count or device.
/// </remarks>
public static class TileGrid
{
    /// <summary>Elements in a block: 4 KiB of float32 per input.</summary>
    public const int BlockLength = 1024;

    /// <summary>Elements in a tile: 128 KiB of bfloat16 per input.</summary>
    public const int TileLength = 64 * BlockLength;

    /// <summary>The number of tiles of a tensor.</summary>
    public static int TileCount(long elements) => checked((int)((elements + TileLength - 1) / TileLength));
}
