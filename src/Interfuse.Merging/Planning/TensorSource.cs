using Interfuse.Checkpoints;

namespace Interfuse.Merging.Planning;

/// <summary>One input of one output tensor: the elements to merge, wherever they stand in the model's files.</summary>
internal abstract class TensorSource
{
    /// <summary>The type of the elements as <see cref="Read"/> gives them.</summary>
    public abstract DType DType { get; }

    /// <summary>The stored tensor that most of the elements come from.</summary>
    public abstract CheckpointTensor Tensor { get; }

    /// <summary>Reads consecutive elements; safe to call from several threads.</summary>
    /// <param name="firstElement">The flat index of the first element.</param>
    /// <param name="destination">Takes a whole number of elements.</param>
    public abstract void Read(long firstElement, Span<byte> destination);
}

/// <summary>A stored tensor, or its leading rows.</summary>
internal sealed class StoredSource(CheckpointTensor tensor) : TensorSource
{
    public override DType DType => tensor.Info.DType;

    public override CheckpointTensor Tensor => tensor;

    public override void Read(long firstElement, Span<byte> destination) =>
        tensor.Read(firstElement * DType.Size(), destination);
}
