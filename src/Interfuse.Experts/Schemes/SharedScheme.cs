using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>One tensor for all experts, in its own shape.</summary>
internal sealed class SharedScheme : PackScheme
{
    public const string Name = "shared";

    // Rows of the identity that are made at a time.
    private const int IdentityStep = 1 << 18;

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

    public override long BankRows { get; }

    public override long StoredBytes => _values.Info.ByteLength;

    public override long TableBytes => 0;

    public override unsafe void Copy(int expert, long byteOffset, byte* destination, long length)
    {
        using MappedTensor.Pin values = _values.Hold();
        Buffer.MemoryCopy(values.Address + byteOffset, destination, length, length);
    }

    // A bank with a table that leads every row to itself. One expert stands for all: the table is as short as it can be.
    public override LoadedTensor Load(PackTensor tensor, DeviceQueue queue) => BankedTensor.Make(
        tensor, experts: 1, () => DeviceLoad.Bring(_values, queue), () => Identity(tensor.Rows, queue));

    private static DeviceBuffer Identity(long rows, DeviceQueue queue)
    {
        DeviceBuffer table = queue.Device.Allocate(rows * sizeof(int));
        try
        {
            DeviceSpan index = table.Span(DType.Int32, rows);
            for (long start = 0; start < rows; start += IdentityStep)
            {
                int count = (int)Math.Min(IdentityStep, rows - start);
                int[] identity = [.. Enumerable.Range(checked((int)start), count)];
                queue.Upload(MemoryMarshal.AsBytes<int>(identity), index.Slice(start, count));
            }

            return table;
        }
        catch
        {
            table.Dispose();
            throw;
        }
    }
}
