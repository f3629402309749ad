using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class TransferTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Bytes_come_back_as_they_went_in([Values(0, 1, 63, 64, 65, 100_003)] int length)
    {
        byte[] sent = new byte[length];
        new Random(length).NextBytes(sent);
        using DeviceBuffer buffer = Device.Allocate(length);
        Queue.Upload(sent, buffer.Span(DType.UInt8, length));
        byte[] received = new byte[length];
        Queue.Download(buffer.Span(DType.UInt8, length), received);
        Assert.That(received.AsSpan().SequenceEqual(sent));
    }
}
