using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Inference.Models;

/// <summary>
/// A vector of every expert, of the shared model and of the mixtures in use, as float32 on the device: norms' weights and
/// biases, which are small. Their places are the numbers of <see cref="MixTable"/>.
/// </summary>
internal sealed class ExpertVectors : IDisposable
{
    private readonly DType _dtype;
    private readonly long _length;
    private readonly int _experts;
    private readonly bool _isAlike;
    private DeviceBuffer _buffer;

    private ExpertVectors(LoadedTensor tensor, DeviceBuffer buffer)
    {
        _dtype = tensor.Spec.DType;
        _length = tensor.Spec.ElementCount;
        _experts = tensor.ExpertCount;
        _isAlike = tensor.IsAlike;
        _buffer = buffer;
    }

    /// <summary>[E, n], F32, with E growing as mixtures come.</summary>
    public DeviceSpan Values => _buffer.Span(DType.Float32, _buffer.ByteLength / sizeof(float));

    /// <summary>Widens every expert's vector, and the shared one.</summary>
    public static ExpertVectors Load(LoadedTensor tensor, DeviceQueue queue, MixScratch scratch)
    {
        long length = tensor.Spec.ElementCount;
        DType dtype = tensor.Spec.DType;
        DeviceBuffer buffer = queue.Device.Allocate((tensor.ExpertCount + 1) * length * sizeof(float));
        try
        {
            using DeviceBuffer memory = queue.Device.Allocate(length * dtype.Size());
            DeviceSpan stored = memory.Span(dtype, length);
            var vectors = new ExpertVectors(tensor, buffer);
            for (int expert = 0; expert < tensor.ExpertCount; expert++)
            {
                tensor.Gather(queue, expert, 0, stored);
                queue.Convert(stored, vectors.At(expert));
            }

            tensor.Gather(queue, ExpertMix.Shared, 0, stored, scratch);
            queue.Convert(stored, vectors.At(tensor.ExpertCount));
            queue.Synchronize();
            return vectors;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>Makes a mixture's vector, rounded to the tensor's type as any row of it is.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="number">Its place.</param>
    /// <param name="mix">A mixture of two experts or more.</param>
    /// <param name="scratch">Memory.</param>
    /// <exception cref="OutOfDeviceMemoryException">The device is full; nothing has changed.</exception>
    public void Set(DeviceQueue queue, int number, ExpertMix mix, MixScratch scratch)
    {
        Reserve(queue, number + 1);
        if (_isAlike)
        {
            queue.Copy(At(0), At(number));
            return;
        }

        using DeviceBuffer memory = queue.Device.Allocate(_length * _dtype.Size());
        DeviceSpan stored = memory.Span(_dtype, _length);
        scratch.AddUp([.. mix.Parts.Select(part => At(part.Expert))], [.. mix.Parts.Select(part => part.Weight)], stored);
        queue.Convert(stored, At(number));
        queue.Synchronize();
    }

    public void Dispose() => _buffer.Dispose();

    private DeviceSpan At(int number) => new(_buffer, number * _length * sizeof(float), DType.Float32, _length);

    private void Reserve(DeviceQueue queue, int numbers)
    {
        long bytes = _length * sizeof(float);
        if (_buffer.ByteLength >= numbers * bytes)
        {
            return;
        }

        int grown = Math.Min((2 * numbers) - _experts, MixTable.MostFor(_experts));
        DeviceBuffer buffer = queue.Device.Allocate(grown * bytes);
        DeviceSpan old = Values;
        queue.Copy(old, buffer.Span(DType.Float32, old.Length));
        queue.Synchronize();
        _buffer.Dispose();
        _buffer = buffer;
    }
}
