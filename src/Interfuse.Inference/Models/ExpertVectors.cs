using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>A vector of every expert, as float32 on the device: norms' weights and biases, which are small.</summary>
internal sealed class ExpertVectors : IDisposable
{
    private readonly DeviceBuffer _buffer;

    private ExpertVectors(DeviceBuffer buffer, DeviceSpan values)
    {
        _buffer = buffer;
        Values = values;
    }

    /// <summary>[E, n], F32.</summary>
    public DeviceSpan Values { get; }

    /// <summary>Widens every expert's vector.</summary>
    public static ExpertVectors Load(LoadedTensor tensor, DeviceQueue queue)
    {
        long length = tensor.Spec.ElementCount;
        DType dtype = tensor.Spec.DType;
        DeviceBuffer buffer = queue.Device.Allocate(tensor.ExpertCount * length * sizeof(float));
        try
        {
            using DeviceBuffer stored = queue.Device.Allocate(length * dtype.Size());
            DeviceSpan values = buffer.Span(DType.Float32, tensor.ExpertCount * length);
            for (int expert = 0; expert < tensor.ExpertCount; expert++)
            {
                tensor.Gather(queue, expert, 0, stored.Span(dtype, length));
                queue.Convert(stored.Span(dtype, length), values.Slice(expert * length, length));
            }

            queue.Synchronize();
            return new ExpertVectors(buffer, values);
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    public void Dispose() => _buffer.Dispose();
}
