using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts;

namespace Interfuse.Server.Engine;

/// <summary>One tensor of every expert of a loaded model, to gather rows of and to multiply by.</summary>
/// <remarks>
/// For who runs models otherwise, and wants the experts' weights only. Calls that name the same mixtures in the same order as
/// the call before allocate nothing. Serves one thread at a time; open one for each thread.
/// </remarks>
public sealed class ExpertMatrix : IDisposable
{
    private readonly DeviceQueue _queue;
    private readonly LoadedTensor _tensor;
    private readonly MixScratch _scratch;
    private readonly Action _release;
    private MixedBatch _batch = new([]);
    private DeviceBuffer? _input;
    private DeviceBuffer? _stored;
    private DeviceBuffer? _output;
    private bool _isDisposed;

    internal ExpertMatrix(DeviceQueue queue, LoadedTensor tensor, Action release)
    {
        _queue = queue;
        _tensor = tensor;
        _scratch = new MixScratch(queue);
        _release = release;
    }

    /// <summary>The tensor of an expert's model.</summary>
    public TensorSpec Spec => _tensor.Spec;

    /// <summary>m, the rows.</summary>
    public long Rows => _tensor.Matrix.Rows;

    /// <summary>n, the elements of a row.</summary>
    public long Columns => _tensor.Matrix.Columns;

    /// <summary>Copies a row of each of some experts or mixtures, widened to float32.</summary>
    /// <param name="experts">Whose rows, B of them.</param>
    /// <param name="rows">Which row of each, B of them.</param>
    /// <param name="destination">Receives [B, n].</param>
    /// <exception cref="ArgumentException">There is no such expert or row, or lengths are unfit.</exception>
    public void Gather(ReadOnlySpan<ExpertMix> experts, ReadOnlySpan<long> rows, Span<float> destination)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        CheckLength(experts.Length, Columns, destination.Length, nameof(destination));
        DeviceSpan stored = Take(ref _stored, Spec.DType, destination.Length);
        DeviceSpan wide = Take(ref _output, DType.Float32, destination.Length);
        _tensor.GatherBatch(_queue, BatchOf(experts), rows, stored, _scratch);
        _queue.Convert(stored, wide);
        _queue.Download(wide, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>Multiplies each of some vectors by its own expert's or mixture's matrix, which is never written
    /// out.</summary>
    /// <param name="experts">Whose matrix, B of them.</param>
    /// <param name="x">The vectors [B, n].</param>
    /// <param name="y">Receives the products [B, m].</param>
    /// <exception cref="ArgumentException">There is no such expert, or lengths are unfit.</exception>
    public void Multiply(ReadOnlySpan<ExpertMix> experts, ReadOnlySpan<float> x, Span<float> y)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        CheckLength(experts.Length, Columns, x.Length, nameof(x));
        CheckLength(experts.Length, Rows, y.Length, nameof(y));
        DeviceSpan vectors = Take(ref _input, DType.Float32, x.Length);
        DeviceSpan products = Take(ref _output, DType.Float32, y.Length);
        _queue.Upload(MemoryMarshal.AsBytes(x), vectors);
        _tensor.Multiply(_queue, BatchOf(experts), vectors, products, _scratch);
        _queue.Download(products, MemoryMarshal.AsBytes(y));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            _tensor.Dispose();
            _scratch.Dispose();
            _input?.Dispose();
            _stored?.Dispose();
            _output?.Dispose();
            _queue.Dispose();
            _release();
        }
    }

    private MixedBatch BatchOf(ReadOnlySpan<ExpertMix> experts)
    {
        if (!_batch.Mixes.AsSpan().SequenceEqual(experts))
        {
            _batch = new MixedBatch(experts);
        }

        return _batch;
    }

    private DeviceSpan Take(ref DeviceBuffer? buffer, DType dtype, long length)
    {
        long bytes = length * dtype.Size();
        if (buffer is null || buffer.ByteLength < bytes)
        {
            _queue.Synchronize();
            buffer?.Dispose();
            buffer = null;
            buffer = _queue.Device.Allocate(bytes);
        }

        return buffer.Span(dtype, length);
    }

    private static void CheckLength(int count, long each, int length, string parameter)
    {
        if (length != count * each)
        {
            throw new ArgumentException($"{count} times {each} elements are needed, and there are {length}.", parameter);
        }
    }
}
