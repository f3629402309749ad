using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class TransferTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Bytes_come_back_as_they_went_in([Values(0, 1, 63, 64, 65, 4097, 100_003)] int length)
    {
        byte[] sent = Bytes(length);
        using DeviceBuffer buffer = Device.Allocate(length);
        Queue.Upload(sent, buffer.Span(DType.UInt8, length));
        byte[] received = new byte[length];
        Queue.Download(buffer.Span(DType.UInt8, length), received);
        Assert.That(received.AsSpan().SequenceEqual(sent));
    }

    [Test]
    public void A_part_of_a_buffer_is_written_and_read_alone()
    {
        byte[] expected = Bytes(1000);
        using DeviceBuffer buffer = Device.Allocate(1000);
        Queue.Upload(expected, buffer.Span(DType.UInt8, 1000));
        byte[] part = [1, 2, 3, 4, 5];
        Queue.Upload(part, buffer.Span(DType.UInt8, 1000).Slice(333, 5));
        part.CopyTo(expected, 333);

        byte[] received = new byte[100];
        Queue.Download(buffer.Span(DType.UInt8, 1000).Slice(301, 100), received);
        Assert.That(received, Is.EqualTo(expected[301..401]));
    }

    [Test]
    public void What_the_host_writes_where_it_reaches_elements_is_what_they_are()
    {
        byte[] expected = Bytes(1000);
        using DeviceBuffer buffer = Device.Allocate(1000);
        DeviceSpan all = buffer.Span(DType.UInt16, 500);
        Queue.Upload(expected, all);
        bool isReached = Queue.TryReach(all.Slice(301, 7), out Span<byte> bytes);
        Assert.That(isReached, Is.EqualTo(Device is CpuDevice));
        if (isReached)
        {
            Assert.That(bytes.SequenceEqual(expected.AsSpan(602, 14)));
            expected.AsSpan(0, 14).CopyTo(bytes);
            expected.AsSpan(0, 14).CopyTo(expected.AsSpan(602));
        }

        byte[] received = new byte[1000];
        Queue.Download(all, received);
        Assert.That(bytes.Length, Is.EqualTo(isReached ? 14 : 0));
        Assert.That(received, Is.EqualTo(expected));
    }

    [Test]
    public void More_than_the_host_can_look_at_in_one_piece_is_refused()
    {
        // Memory that is not touched is not there yet; other devices may fill it.
        using var device = new CpuDevice(threads: 1);
        using DeviceQueue queue = device.CreateQueue();
        using DeviceBuffer buffer = device.Allocate(1L << 31);
        Assert.That(
            () => queue.TryReach(buffer.Span(DType.BFloat16, 1L << 30), out _),
            Throws.ArgumentException.With.Message.Contains("2147483648 bytes"));
    }

    [Test]
    public void A_copy_keeps_every_bit_also_of_nans()
    {
        foreach (int length in TensorData.Lengths)
        {
            using SideBySide both = SideBySide();
            Place source = both.Add(DType.BFloat16, Bytes(2 * length), length % 3);
            Place destination = both.Room(DType.BFloat16, length, length % 5);
            both.Same(side => side.Queue.Copy(side[source], side[destination]), $"{length} elements");
        }
    }

    [Test]
    public void A_transfer_buffer_takes_bytes_in_and_out([Values(0, 1, 4096, 70_001)] int length)
    {
        byte[] sent = Bytes(length);
        using TransferBuffer from = Device.AllocateTransfer(length);
        using TransferBuffer to = Device.AllocateTransfer(length);
        sent.CopyTo(from.Host);
        Queue.Upload(from, length);
        Queue.Copy(from.Span(DType.UInt8, length), to.Span(DType.UInt8, length));
        Queue.Download(to, length);
        Queue.Synchronize();
        Assert.That(to.Host[..length].SequenceEqual(sent));
    }

    [Test]
    public void A_transfer_buffer_is_worked_on_like_any_other()
    {
        float[] values = Blocks.Plain(5000, 1);
        using TransferBuffer from = Device.AllocateTransfer(20_000);
        using TransferBuffer to = Device.AllocateTransfer(20_000);
        MemoryMarshal.AsBytes(values.AsSpan()).CopyTo(from.Host);
        Queue.Upload(from, 20_000);
        Queue.LinearCombination([from.Span(DType.Float32, 5000)], [2f], to.Span(DType.Float32, 5000));
        Queue.Download(to, 20_000);
        Queue.Synchronize();
        float[] expected = Array.ConvertAll(values, v => 2 * v);
        Assert.That(to.Host.SequenceEqual(MemoryMarshal.AsBytes(expected.AsSpan())));
    }

    [Test]
    public void Only_the_first_bytes_of_a_transfer_buffer_go_out_when_so_many_are_asked_for()
    {
        using TransferBuffer buffer = Device.AllocateTransfer(100);
        buffer.Host.Fill(7);
        Queue.Upload(buffer, 100);
        Queue.Synchronize();
        buffer.Host.Fill(9);
        Queue.Upload(buffer, 10);
        Queue.Synchronize();
        byte[] received = new byte[10];
        Queue.Download(buffer.Span(DType.UInt8, 10), received);
        Assert.That(received, Is.All.EqualTo(9));
    }

    [Test]
    public void Queues_work_side_by_side_on_their_own_buffers()
    {
        const int Queues = 4, Length = 3000;
        byte[][] results = [.. Enumerable.Range(0, Queues).Select(_ => new byte[4 * Length])];
        Parallel.For(0, Queues, index =>
        {
            using DeviceQueue queue = Device.CreateQueue();
            using DeviceBuffer buffer = Device.Allocate(4 * Length);
            DeviceSpan span = buffer.Span(DType.Float32, Length);
            queue.Upload(MemoryMarshal.AsBytes(Blocks.Plain(Length, index).AsSpan()), span);
            for (int round = 0; round < 20; round++)
            {
                queue.LinearCombination([span], [2f], span);
                queue.LinearCombination([span], [0.5f], span);
            }

            queue.Download(span, results[index]);
        });
        for (int index = 0; index < Queues; index++)
        {
            byte[] expected = MemoryMarshal.AsBytes(Blocks.Plain(Length, index).AsSpan()).ToArray();
            Assert.That(results[index], Is.EqualTo(expected));
        }
    }

    private static byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
