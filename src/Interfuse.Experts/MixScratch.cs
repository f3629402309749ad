using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>
/// The memory in which mixtures are added up. It grows to what the largest tensor and batch needed and is used again, so
/// that going on with a batch allocates nothing.
/// </summary>
/// <param name="queue">The queue whose operations use it.</param>
public sealed class MixScratch(DeviceQueue queue) : IDisposable
{
    private readonly DeviceBuffer?[] _buffers = new DeviceBuffer?[Enum.GetValues<Use>().Length];
    private DeviceSpan[] _spans = [];
    private ExpertRow[] _rows = [];
    private float[] _weights = [];
    private DeviceSpan[] _stepSpans = [];
    private float[] _stepWeights = [];

    /// <summary>What is kept in a buffer of its own.</summary>
    internal enum Use
    {
        /// <summary>The vectors of an expanded batch.</summary>
        Vectors,

        /// <summary>Products or rows of single experts.</summary>
        Parts,

        /// <summary>Sums that are not complete.</summary>
        Sums,

        /// <summary>For a scheme's own use.</summary>
        Own,
    }

    internal DeviceQueue Queue => queue;

    /// <summary>Gives the memory back; nothing queued may use it any more.</summary>
    public void Dispose()
    {
        for (int i = 0; i < _buffers.Length; i++)
        {
            _buffers[i]?.Dispose();
            _buffers[i] = null;
        }
    }

    /// <summary><c>((w_0 * x_0) + w_1 * x_1) + ...</c> in float32, rounded once to the destination's type.</summary>
    /// <param name="parts">Of any float types, equally long.</param>
    /// <param name="weights">As many.</param>
    /// <param name="destination">Receives the sum.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break the rules of
    /// <see cref="DeviceQueue.LinearCombination"/>, but that there may be any number of parts.</exception>
    public void AddUp(ReadOnlySpan<DeviceSpan> parts, ReadOnlySpan<float> weights, DeviceSpan destination)
    {
        int most = queue.Device.MaxExperts;
        if (parts.Length <= most)
        {
            queue.LinearCombination(parts, weights, destination);
            return;
        }

        // More than the device takes at once: the sum so far is the first input of the next step, times 1, which changes
        // nothing.
        DeviceSpan sum = Take(Use.Sums, DType.Float32, destination.Length);
        queue.LinearCombination(parts[..most], weights[..most], sum);
        for (int from = most; from < parts.Length; from += most - 1)
        {
            int to = Math.Min(from + most - 1, parts.Length);
            Span<DeviceSpan> step = Reserve(ref _stepSpans, to - from + 1);
            Span<float> stepWeights = Reserve(ref _stepWeights, step.Length);
            step[0] = sum;
            stepWeights[0] = 1;
            parts[from..to].CopyTo(step[1..]);
            weights[from..to].CopyTo(stepWeights[1..]);
            queue.LinearCombination(step, stepWeights, to == parts.Length ? destination : sum);
        }
    }

    /// <summary>Elements for a use; what the last call for the same use gave is void.</summary>
    internal DeviceSpan Take(Use use, DType dtype, long length)
    {
        long bytes = length * dtype.Size();
        ref DeviceBuffer? buffer = ref _buffers[(int)use];
        if (buffer is null || buffer.ByteLength < bytes)
        {
            // What is queued may still need the old one.
            queue.Synchronize();
            buffer?.Dispose();
            buffer = null;
            buffer = queue.Device.Allocate(bytes);
        }

        return buffer.Span(dtype, length);
    }

    /// <summary>Spans to fill; valid until the next call.</summary>
    internal Span<DeviceSpan> Spans(int count) => Reserve(ref _spans, count);

    /// <summary>Weights to fill; valid until the next call.</summary>
    internal Span<float> Weights(int count) => Reserve(ref _weights, count);

    /// <summary>Requests to fill; valid until the next call.</summary>
    internal Span<ExpertRow> Rows(int count) => Reserve(ref _rows, count);

    private static Span<T> Reserve<T>(ref T[] kept, int count)
    {
        if (kept.Length < count)
        {
            kept = new T[count];
        }

        return kept.AsSpan(0, count);
    }
}
