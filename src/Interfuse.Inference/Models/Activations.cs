using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Inference.Models;

/// <summary>The device memory between operations: each use has a buffer of its own, as large as it ever was.</summary>
internal sealed class Activations(Device device) : IDisposable
{
    private readonly Dictionary<string, DeviceBuffer> _buffers = [];

    /// <summary>Elements for a use; what the last call for the same use gave is void.</summary>
    public DeviceSpan Take(string use, long length, DType dtype = DType.Float32)
    {
        long bytes = length * dtype.Size();
        if (!_buffers.TryGetValue(use, out DeviceBuffer? buffer) || buffer.ByteLength < bytes)
        {
            _buffers.Remove(use);
            buffer?.Dispose();
            buffer = device.Allocate(bytes);
            _buffers.Add(use, buffer);
        }

        return buffer.Span(dtype, length);
    }

    public void Dispose()
    {
        foreach (DeviceBuffer buffer in _buffers.Values)
        {
            buffer.Dispose();
        }
    }
}
