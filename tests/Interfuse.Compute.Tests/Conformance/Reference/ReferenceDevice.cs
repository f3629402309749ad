namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// The judge of the conformance suite: a device written from the contract's formulas, one element at a time, without
/// care for speed. Its memory is the host's.
/// </summary>
internal sealed class ReferenceDevice : Device
{
    public override string Name => "Reference";

    public override int MaxExperts => 16;

    public override int TilesPerStep => 1;

    public override DeviceBuffer Allocate(long byteLength) => new Buffer(byteLength);

    public override TransferBuffer AllocateTransfer(int byteLength) => new Transfer(byteLength);

    public override DeviceQueue CreateQueue() => new ReferenceQueue(this);

    /// <summary>The bytes of elements.</summary>
    public static Span<byte> BytesOf(DeviceSpan span)
    {
        byte[] bytes = span.Buffer switch
        {
            Buffer buffer => buffer.Bytes,
            Transfer transfer => transfer.Bytes,
            _ => throw new ArgumentException("This is memory of another device.", nameof(span)),
        };
        return bytes.AsSpan((int)span.ByteOffset, (int)span.ByteLength);
    }

    private sealed class Buffer(long byteLength) : DeviceBuffer(byteLength)
    {
        public byte[] Bytes { get; } = new byte[byteLength];

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Transfer(int byteLength) : TransferBuffer(byteLength)
    {
        public byte[] Bytes { get; } = new byte[byteLength];

        public override Span<byte> Host => Bytes;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
