using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>One tensor for all experts, in its own shape.</summary>
internal sealed class SharedScheme : PackScheme
{
    public const string Name = "shared";

    private readonly MappedTensor _values;

    public SharedScheme(TensorSpec tensor, PackParts parts)
    {
        _values = parts.TakeBank(tensor);
        BankRows = TensorMatrix.Of(tensor.Shape).Rows;
        if (!_values.Info.Shape.SequenceEqual(tensor.Shape))
        {
            throw new CheckpointFormatException(
                _values.Path,
                $"has the shape [{string.Join(", ", _values.Info.Shape)}], and {PackManifest.FileName} says "
                + $"[{string.Join(", ", tensor.Shape)}]; the pack is damaged, make it again",
                tensor.Name);
        }
    }

    public override bool IsAlike => true;

    public override long BankRows { get; }

    public override long StoredBytes => _values.Info.ByteLength;

    public override long TableBytes => 0;

    public override unsafe void Copy(int expert, long byteOffset, byte* destination, long length)
    {
        using MappedTensor.Pin values = _values.Hold();
        Buffer.MemoryCopy(values.Address + byteOffset, destination, length, length);
    }

    public override LoadedTensor Load(PackTensor tensor, DeviceQueue queue) =>
        BankedTensor.Load(tensor.Spec, tensor.ExpertCount, _values, queue);
}
