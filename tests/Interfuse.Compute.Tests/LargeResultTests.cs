using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests;

/// <summary>Results larger than the caches are stored past them; their bytes must not know.</summary>
[EveryPath]
public sealed class LargeResultTests(CpuPath path) : IDisposable
{
    // More than 16 MiB of bfloat16, and no whole number of anything.
    private const int Length = (9 << 20) + 7;

    private readonly DeviceQueue _queue = new CpuDevice(path, threads: 2).CreateQueue();

    public void Dispose() => _queue.Dispose();

    // One element off, no vector of the destination is aligned.
    [Test]
    public void A_large_result_has_the_bytes_of_its_parts([Values(0, 1)] int skew)
    {
        using DeviceBuffer inputs = _queue.Device.Allocate(4L * (Length + 2));
        DeviceSpan first = new(inputs, 0, DType.BFloat16, Length);
        DeviceSpan second = new(inputs, 2L * (Length + 1), DType.BFloat16, Length);
        Fill(first, seed: 1);
        Fill(second, seed: 2);
        byte[] whole = Combine(first, second, skew, Length);
        Assert.That(Combine(first, second, skew, part: 1 << 20).AsSpan().SequenceEqual(whole), Is.True);
    }

    private byte[] Combine(DeviceSpan first, DeviceSpan second, int skew, int part)
    {
        using DeviceBuffer output = _queue.Device.Allocate(2L * (Length + skew));
        DeviceSpan result = new(output, 2L * skew, DType.BFloat16, Length);
        for (int start = 0; start < Length; start += part)
        {
            int length = Math.Min(part, Length - start);
            _queue.LinearCombination(
                [first.Slice(start, length), second.Slice(start, length)], [0.3f, 0.7f], result.Slice(start, length));
        }

        byte[] bytes = new byte[2 * Length];
        _queue.Download(new DeviceSpan(output, 2L * skew, DType.UInt8, bytes.Length), bytes);
        return bytes;
    }

    private void Fill(DeviceSpan span, int seed)
    {
        byte[] bytes = new byte[span.ByteLength];
        new Random(seed).NextBytes(bytes);
        _queue.Upload(bytes, new DeviceSpan(span.Buffer, span.ByteOffset, DType.UInt8, bytes.Length));
    }
}
