using System.Collections.Immutable;

namespace Interfuse.Checkpoints;

/// <summary>A tensor of a checkpoint together with the file that holds it.</summary>
/// <param name="Info">What the tensor is and where it lies in <paramref name="File"/>.</param>
/// <param name="File">The shard that holds it; owned by the checkpoint.</param>
public sealed record CheckpointTensor(TensorInfo Info, SafetensorsFile File)
{
    /// <inheritdoc cref="TensorInfo.Name"/>
    public string Name => Info.Name;

    /// <inheritdoc cref="TensorInfo.DType"/>
    public DType DType => Info.DType;

    /// <inheritdoc cref="TensorInfo.Shape"/>
    public ImmutableArray<long> Shape => Info.Shape;

    /// <inheritdoc cref="TensorInfo.ElementCount"/>
    public long ElementCount => Info.ElementCount;

    /// <inheritdoc cref="TensorInfo.ByteLength"/>
    public long ByteLength => Info.ByteLength;

    /// <inheritdoc cref="SafetensorsFile.Read"/>
    public void Read(long byteOffset, Span<byte> destination) => File.Read(Info, byteOffset, destination);
}
