using Interfuse.Compute;

namespace Interfuse.Merging.Methods;

/// <summary>The computation of one output tensor: statistics passes over its tiles, as many as it asks for, then one that writes.</summary>
/// <remarks>
/// The executor calls <see cref="NextPass"/> until it gives null, running each pass over the tiles it wants, and then
/// <see cref="Apply"/> on every block. Tiles of one pass run on several threads at once; all blocks of a tile run on one
/// thread, in order; a pass ends before <see cref="NextPass"/> is called again. Results must not depend on the order of tiles.
/// </remarks>
public abstract class TensorMerge
{
    /// <summary>The input to copy unchanged, bit for bit, or null when there is something to compute.</summary>
    public virtual int? CopyOf => null;

    /// <summary>The statistics pass to run next, or null when the tensor can be written.</summary>
    public virtual TensorPass? NextPass() => null;

    /// <summary>Computes one block of the output.</summary>
    /// <param name="block">The inputs' values and where in the tensor they stand.</param>
    /// <param name="destination">The output's values, of the block's length.</param>
    public abstract void Apply(in Block block, Span<float> destination);
}

/// <summary>One sweep over a tensor's tiles that gathers statistics.</summary>
public abstract class TensorPass
{
    /// <summary>The tiles to visit, ascending; null means all.</summary>
    public virtual IReadOnlyList<int>? Tiles => null;

    /// <summary>Whether one block of each tile is enough.</summary>
    public virtual bool OneBlockPerTile => false;

    /// <summary>Takes in one block.</summary>
    public abstract void Visit(in Block block);
}

/// <summary>Up to <see cref="TileGrid.BlockLength"/> consecutive elements of every input of a tensor, as float32.</summary>
public readonly ref struct Block
{
    /// <summary>The kernels to compute with.</summary>
    public required CpuKernels Kernels { get; init; }

    /// <summary>The index of the tile this block is in.</summary>
    public required int Tile { get; init; }

    /// <summary>The flat index of the block's first element in the tensor.</summary>
    public required long Start { get; init; }

    /// <summary>One row per input, in the order of <see cref="TensorSettings.Inputs"/>.</summary>
    public required Rows Inputs { get; init; }

    /// <summary>Room for as many rows as there are inputs, of <see cref="TileGrid.BlockLength"/> elements each.</summary>
    public required Span<float> Scratch { get; init; }

    /// <summary>Room for one 32-bit word per element.</summary>
    public required Span<uint> Words { get; init; }

    /// <summary>The number of elements.</summary>
    public int Length => Inputs.Length;

    /// <summary>The base model's values: the first input of a method that requires a base.</summary>
    public ReadOnlySpan<float> Base => Inputs[0];

    /// <summary>The inputs after the base.</summary>
    public Rows Experts => Inputs.From(1);

    /// <summary>A part of this block.</summary>
    public Block Slice(int start, int length) => new()
    {
        Kernels = Kernels,
        Tile = Tile,
        Start = Start + start,
        Inputs = Inputs.Columns(start, length),
        Scratch = Scratch,
        Words = Words,
    };
}
