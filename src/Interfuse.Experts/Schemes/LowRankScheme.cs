using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>
/// A matrix that the experts share, and for each of them a product of two thin ones: <c>W[e] = shared + left[e] right[e]</c>.
/// </summary>
/// <remarks>
/// Under the tensor's own name stands the shared matrix; the parts are <c>left</c> [N, m, r] and <c>right</c> [N, r, n], of
/// the tensor's type. An expert's rows are those of <see cref="LowRankBank"/>.
/// </remarks>
internal sealed class LowRankScheme : PackScheme
{
    public const string Name = "low_rank";
    public const string LeftPart = "left";
    public const string RightPart = "right";

    // Bytes of rows that are made at a time.
    private const long MadeBytes = 1 << 20;

    private readonly TensorSpec _tensor;
    private readonly TensorMatrix _matrix;
    private readonly int _experts;
    private readonly int _rank;
    private readonly MappedTensor _shared;
    private readonly MappedTensor _left;
    private readonly MappedTensor _right;

    public LowRankScheme(TensorSpec tensor, PackParts parts)
    {
        _tensor = tensor;
        _matrix = TensorMatrix.Of(tensor.Shape);
        _experts = parts.Experts.Count;
        _shared = parts.TakeWhole(tensor);
        if (!tensor.DType.IsArithmetic())
        {
            throw PackParts.Unfit(_shared, "a type with arithmetic, BF16, F16, F32 or F64");
        }

        _left = parts.TakePart(tensor, LeftPart, tensor.DType);
        long side = Math.Min(_matrix.Rows, _matrix.Columns);
        if (_left.Info.Shape is not [long experts, long rows, long rank] || experts != _experts || rows != _matrix.Rows
            || rank < 1 || rank > Math.Max(side, 1))
        {
            throw PackParts.Unfit(_left, $"[{_experts}, {_matrix.Rows}, r] with r from 1 to {Math.Max(side, 1)}");
        }

        // Rows are counted by 32 bits in tables.
        if (_matrix.Rows > int.MaxValue / _experts || _matrix.Columns > int.MaxValue)
        {
            throw PackParts.Unfit(_left, $"at most {int.MaxValue} rows of all experts, of as many elements");
        }

        _rank = (int)rank;
        _right = parts.TakePart(tensor, RightPart, tensor.DType, [_experts, _rank, _matrix.Columns]);
    }

    public override bool HasShared => true;

    public override long BankRows => _matrix.Rows;

    public override long StoredBytes => _shared.Info.ByteLength + _left.Info.ByteLength + _right.Info.ByteLength;

    public override long TableBytes => 0;

    public override unsafe void Copy(int expert, long byteOffset, byte* destination, long length)
    {
        if (length == 0)
        {
            return;
        }

        if (expert == LoadedTensor.SharedExpert)
        {
            using MappedTensor.Pin shared = _shared.Hold();
            Buffer.MemoryCopy(shared.Address + byteOffset, destination, length, length);
            return;
        }

        // On this thread, by the same operation as on any device.
        using var device = new CpuDevice(threads: 1);
        using DeviceQueue queue = device.CreateQueue();
        using DeviceBuffer sharedValues = DeviceLoad.Bring(_shared, queue);
        using DeviceBuffer left = DeviceLoad.Bring(_left, queue);
        using DeviceBuffer right = DeviceLoad.Bring(_right, queue);
        LowRankBank bank = Bank(sharedValues, left, right);
        long rowBytes = _matrix.Columns * _tensor.DType.Size();
        long step = Math.Clamp(MadeBytes / rowBytes, 1, _matrix.Rows);
        using DeviceBuffer made = device.Allocate(step * rowBytes);
        while (length > 0)
        {
            long first = byteOffset / rowBytes;
            long skipped = byteOffset % rowBytes;
            long rows = Math.Min(step, (skipped + length + rowBytes - 1) / rowBytes);
            queue.Gather(bank, expert, first, made.Span(_tensor.DType, rows * _matrix.Columns));
            int taken = checked((int)Math.Min(length, (rows * rowBytes) - skipped));
            queue.Download(new DeviceSpan(made, skipped, DType.UInt8, taken), new Span<byte>(destination, taken));
            byteOffset += taken;
            destination += taken;
            length -= taken;
        }
    }

    public override LoadedTensor Load(PackTensor tensor, DeviceQueue queue)
    {
        var buffers = new List<DeviceBuffer>();
        try
        {
            foreach (MappedTensor part in (MappedTensor[])[_shared, _left, _right])
            {
                buffers.Add(DeviceLoad.Bring(part, queue));
            }

            buffers.Add(DeviceLoad.Identity(Math.Max(_matrix.Rows, _rank) * _experts, queue));
            return new LowRankTensor(tensor.Spec, Bank(buffers[0], buffers[1], buffers[2]), buffers);
        }
        catch
        {
            buffers.ForEach(buffer => buffer.Dispose());
            throw;
        }
    }

    private LowRankBank Bank(DeviceBuffer shared, DeviceBuffer left, DeviceBuffer right)
    {
        DeviceSpan All(DeviceBuffer buffer) => buffer.Span(_tensor.DType, buffer.ByteLength / _tensor.DType.Size());

        return new LowRankBank(All(shared), All(left), All(right), _experts, _matrix.Rows, _matrix.Columns, _rank);
    }
}
