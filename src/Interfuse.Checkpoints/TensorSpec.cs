using System.Collections.Immutable;

namespace Interfuse.Checkpoints;

/// <summary>
/// A tensor that is to be written: a <see cref="TensorInfo"/> without a place. Equal by value, the shape by content.
/// </summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="DType">The element type.</param>
/// <param name="Shape">The extents, outermost first, none negative; empty for a scalar.</param>
public sealed record TensorSpec(string Name, DType DType, ImmutableArray<long> Shape)
{
    /// <summary>The product of the shape; 1 for a scalar.</summary>
    /// <exception cref="OverflowException">The product does not fit 64 bits.</exception>
    public long ElementCount
    {
        get
        {
            long count = 1;
            foreach (long extent in Shape)
            {
                count = checked(count * extent);
            }

            return count;
        }
    }

    /// <summary>The number of bytes: elements times element size.</summary>
    /// <exception cref="OverflowException">The product does not fit 64 bits.</exception>
    public long ByteLength => checked(ElementCount * DType.Size());

    /// <inheritdoc/>
    public bool Equals(TensorSpec? other) =>
        other is not null
        && Name == other.Name
        && DType == other.DType
        && Shape.AsSpan().SequenceEqual(other.Shape.AsSpan());

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, DType, Shape.Length);
}
