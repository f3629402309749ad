using Interfuse.Compute;
using Interfuse.Compute.Selection;

namespace Interfuse.Merging.Methods;

/// <summary>The computation of one output tensor: statistics passes over its tiles, as many as it asks for, then one that writes.</summary>
/// <remarks>
/// The executor calls <see cref="NextPass"/> until it gives null, running each pass over the tiles it wants, and then
/// <see cref="Apply"/> on all. Chunks of one pass run on several threads at once, in any order and of any number of tiles;
/// a pass ends before <see cref="NextPass"/> is called again. Results must not depend on how the tiles are chunked.
/// </remarks>
public abstract class TensorMerge
{
    /// <summary>The input to copy unchanged, bit for bit, or null when there is something to compute.</summary>
    public virtual int? CopyOf => null;

    /// <summary>The statistics pass to run next, or null when the tensor can be written.</summary>
    public virtual TensorPass? NextPass() => null;

    /// <summary>Computes one chunk of the output.</summary>
    /// <param name="chunk">The inputs' elements and where in the tensor they stand.</param>
    /// <param name="destination">The output's elements, as many as the chunk has.</param>
    public abstract void Apply(in Chunk chunk, DeviceSpan destination);
}

/// <summary>One sweep over a tensor's tiles that gathers statistics.</summary>
public abstract class TensorPass
{
    /// <summary>The tiles to visit, ascending, each as a chunk of its own; null means all.</summary>
    public virtual IReadOnlyList<int>? Tiles => null;

    /// <summary>Whether one block of each tile is enough, the one of <see cref="SamplePlan"/>.</summary>
    public virtual bool OneBlockPerTile => false;

    /// <summary>Takes in one chunk.</summary>
    public abstract void Visit(in Chunk chunk);
}

/// <summary>Some consecutive tiles of every input of a tensor, in the memory of the device that computes.</summary>
public readonly ref struct Chunk
{
    /// <summary>What to compute with.</summary>
    public required DeviceQueue Queue { get; init; }

    /// <summary>The first tile.</summary>
    public required int FirstTile { get; init; }

    /// <summary>The flat index of the first element in the tensor.</summary>
    public required long Start { get; init; }

    /// <summary>The elements of each input, in the order of <see cref="TensorSettings.Inputs"/>.</summary>
    public required ReadOnlySpan<DeviceSpan> Inputs { get; init; }

    /// <summary>Room on the host for one 32-bit word per element.</summary>
    public required Span<uint> Words { get; init; }

    /// <summary>The number of elements of each input.</summary>
    public long Length => Inputs[0].Length;

    /// <summary>The number of tiles, of which only the tensor's last may be shorter than the others.</summary>
    public int TileCount => TileGrid.TileCount(Length);

    /// <summary>The base model's elements: the first input of a method that requires a base.</summary>
    public DeviceSpan Base => Inputs[0];

    /// <summary>The inputs after the base.</summary>
    public ReadOnlySpan<DeviceSpan> Experts => Inputs[1..];
}
