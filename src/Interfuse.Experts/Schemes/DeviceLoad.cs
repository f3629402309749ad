using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>Brings mapped tensors to devices.</summary>
internal static class DeviceLoad
{
    // An upload takes a span; this many bytes at a time are worth a transfer and are a whole number of elements.
    private const long UploadBytes = 64L << 20;

    // Rows of the identity that are made at a time.
    private const int IdentityStep = 1 << 18;

    /// <summary>The tensor in a device's memory: where that is the processor's, the mapped file itself.</summary>
    public static unsafe DeviceBuffer Bring(MappedTensor tensor, DeviceQueue queue)
    {
        TensorInfo info = tensor.Info;
        if (queue.Device is CpuDevice)
        {
            return CpuDevice.Wrap(tensor.File.Memory, info.Offset, info.ByteLength);
        }

        DeviceBuffer buffer = queue.Device.Allocate(info.ByteLength);
        try
        {
            using MappedTensor.Pin pin = tensor.Hold();
            for (long start = 0; start < info.ByteLength; start += UploadBytes)
            {
                int length = (int)Math.Min(UploadBytes, info.ByteLength - start);
                queue.Upload(new ReadOnlySpan<byte>(pin.Address + start, length), new DeviceSpan(buffer, start, DType.UInt8, length));
            }

            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>A table [rows] of I32 that leads every row to itself.</summary>
    public static DeviceBuffer Identity(long rows, DeviceQueue queue)
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
