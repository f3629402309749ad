using System.Collections.Immutable;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>How one tensor is stored: what is written of it, and where.</summary>
/// <param name="Matrix">The tensor.</param>
internal abstract record StoredTensor(PlannedMatrix Matrix)
{
    /// <summary>The scheme's name.</summary>
    public abstract string Scheme { get; }

    /// <summary>What is written under the tensor's own name.</summary>
    public abstract TensorSpec Bank { get; }

    /// <summary>Whether it has a table.</summary>
    public virtual bool HasTable => false;

    /// <summary>What is written beside it.</summary>
    public virtual IReadOnlyList<StoredPart> Parts => [];

    /// <summary>Bytes of everything that is written of it, tables but not headers included.</summary>
    public long TotalBytes(int experts) => Bank.ByteLength
        + Parts.Sum(part => part.SpecOf(Matrix).ByteLength)
        + (HasTable ? Matrix.Channels * experts * PackLayout.TableEntryBytes : 0);
}

/// <summary>A part of a tensor, in <c>experts*.safetensors</c>.</summary>
/// <param name="Name">The part's name.</param>
/// <param name="DType">Its type.</param>
/// <param name="Shape">Its shape.</param>
internal sealed record StoredPart(string Name, DType DType, ImmutableArray<long> Shape)
{
    /// <summary>Whether <see cref="MatrixMethod.Finish"/> writes it, and not <see cref="MatrixMethod.Encode"/>.</summary>
    public bool IsLast { get; init; }

    /// <summary>The tensor that is written.</summary>
    public TensorSpec SpecOf(PlannedMatrix matrix) => new($"{matrix.Spec.Name}.{Name}", DType, Shape);
}

/// <summary>A whole matrix in a scheme of its method.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="SchemeName">The scheme.</param>
/// <param name="PartList">Its parts.</param>
/// <param name="Choice">What else the method decided about it.</param>
internal sealed record WholeMatrix(
    PlannedMatrix Matrix, string SchemeName, IReadOnlyList<StoredPart> PartList, object? Choice = null)
    : StoredTensor(Matrix)
{
    public override string Scheme => SchemeName;

    /// <summary>A matrix in the tensor's own shape, whatever the scheme.</summary>
    public override TensorSpec Bank => Matrix.Spec;

    public override IReadOnlyList<StoredPart> Parts => PartList;
}
