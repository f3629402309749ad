using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>Tensors on a device that live and go together, and the queue that works on them.</summary>
internal sealed class TensorSet(DeviceQueue queue) : IDisposable
{
    private const int ChunkBytes = 32 << 20;

    private readonly List<DeviceBuffer> _buffers = [];

    public DeviceQueue Queue { get; } = queue;

    /// <summary>Makes a whole tensor of a pattern, see <see cref="InputValues"/>.</summary>
    public DeviceSpan Input(InputPattern pattern, int tensor, DType dtype, long elements) =>
        Input(pattern, tensor, dtype, new Part(0, elements), elements);

    /// <summary>Makes a part of a tensor of a pattern.</summary>
    public DeviceSpan Input(InputPattern pattern, int tensor, DType dtype, Part part, long total)
    {
        DeviceSpan span = Output(dtype, part.Length);
        Fill(span, pattern, tensor, part.Start, total);
        return span;
    }

    /// <summary>Fills in elements of a tensor of a pattern, from one on.</summary>
    public void Fill(DeviceSpan span, InputPattern pattern, int tensor, long first, long total)
    {
        int size = span.DType.Size();
        long step = ChunkBytes / size;
        byte[] chunk = [];
        for (long start = 0; start < span.Length; start += step)
        {
            long length = Math.Min(step, span.Length - start);
            if (chunk.Length != length * size)
            {
                chunk = GC.AllocateUninitializedArray<byte>((int)length * size);
            }

            InputValues.Fill(pattern, tensor, span.DType, first + start, total, chunk);
            Queue.Upload(chunk, span.Slice(start, length));
        }
    }

    /// <summary>Makes a tensor of given bytes.</summary>
    public DeviceSpan Input(DType dtype, ReadOnlySpan<byte> bytes)
    {
        DeviceSpan span = Output(dtype, bytes.Length / dtype.Size());
        Queue.Upload(bytes, span);
        return span;
    }

    /// <summary>Makes a tensor to write to.</summary>
    public DeviceSpan Output(DType dtype, long elements)
    {
        DeviceBuffer buffer = Queue.Device.Allocate(elements * dtype.Size());
        _buffers.Add(buffer);
        return buffer.Span(dtype, elements);
    }

    public byte[] Read(DeviceSpan span)
    {
        byte[] bytes = new byte[span.ByteLength];
        Queue.Download(span, bytes);
        return bytes;
    }

    public void Dispose()
    {
        Queue.Synchronize();
        foreach (DeviceBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }
    }
}
