using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>The operations, written from their documentation.</summary>
internal sealed partial class ReferenceQueue(ReferenceDevice device) : DeviceQueue
{
    private long _nonFinite;

    public override Device Device => device;

    public override void Synchronize()
    {
    }

    public override long TakeNonFinite()
    {
        long count = _nonFinite;
        _nonFinite = 0;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
    }

    protected override void UploadCore(ReadOnlySpan<byte> source, DeviceSpan destination) =>
        source.CopyTo(ReferenceDevice.BytesOf(destination));

    protected override void DownloadCore(DeviceSpan source, Span<byte> destination) =>
        ReferenceDevice.BytesOf(source).CopyTo(destination);

    protected override void UploadCore(TransferBuffer buffer, int byteLength)
    {
    }

    protected override void DownloadCore(TransferBuffer buffer, int byteLength)
    {
    }

    protected override void CopyCore(DeviceSpan source, DeviceSpan destination) =>
        ReferenceDevice.BytesOf(source).CopyTo(ReferenceDevice.BytesOf(destination));

    private static float[] Widened(DeviceSpan span) => Widened(ReferenceDevice.BytesOf(span), span.DType);

    private static float[] Widened(Span<byte> bytes, DType dtype)
    {
        return dtype switch
        {
            DType.BFloat16 => Each<ushort>(bytes, bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
            DType.Float16 => Each<Half>(bytes, half => (float)half),
            DType.Float32 => Each<float>(bytes, value => value),
            DType.Float64 => Each<double>(bytes, value => (float)value),
            _ => throw new ArgumentException("Not a type of arithmetic.", nameof(dtype)),
        };
    }

    private static float[] Each<T>(Span<byte> bytes, Func<T, float> widen)
        where T : unmanaged => Array.ConvertAll(MemoryMarshal.Cast<byte, T>(bytes).ToArray(), value => widen(value));

    // What an elementwise operation stores; only those count values that are not finite.
    private void Store(ReadOnlySpan<float> values, DeviceSpan destination) => _nonFinite += Write(values, destination);

    private static long Write(ReadOnlySpan<float> values, DeviceSpan destination)
    {
        long nonFinite = 0;
        Span<byte> bytes = ReferenceDevice.BytesOf(destination);
        foreach (float value in values)
        {
            nonFinite += StoredFloat.Write(value, destination.DType, bytes) ? 0 : 1;
            bytes = bytes[destination.DType.Size()..];
        }

        return nonFinite;
    }
}
