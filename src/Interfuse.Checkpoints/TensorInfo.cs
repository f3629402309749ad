using System.Collections.Immutable;

namespace Interfuse.Checkpoints;

/// <summary>
/// One tensor of a safetensors file: what it is and where its bytes are. Equal by value, the shape by content.
/// </summary>
/// <param name="Name">The tensor's name, for example <c>model.layers.0.self_attn.q_proj.weight</c>.</param>
/// <param name="DType">The element type.</param>
/// <param name="Shape">The extents, outermost first; empty for a scalar. The last one is contiguous in memory.</param>
/// <param name="Offset">The first byte, counted from the start of the file.</param>
/// <param name="ByteLength">The number of bytes: elements times element size.</param>
public sealed record TensorInfo(string Name, DType DType, ImmutableArray<long> Shape, long Offset, long ByteLength)
{
    /// <summary>The product of the shape; 1 for a scalar.</summary>
    public long ElementCount => ByteLength / DType.Size();

    /// <inheritdoc/>
    public bool Equals(TensorInfo? other) =>
        other is not null
        && Name == other.Name
        && DType == other.DType
        && Offset == other.Offset
        && ByteLength == other.ByteLength
        && Shape.AsSpan().SequenceEqual(other.Shape.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, DType, Offset, ByteLength);
}
