using System.Runtime.CompilerServices;
using Interfuse.Checkpoints;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>Whatever the order, everything goes back to the driver (the fixture counts), and nothing throws.</summary>
public class CudaLifetimeTests : SoftwareFixture
{
    [Test]
    public void Objects_may_be_disposed_of_in_any_order()
    {
        int[] order = [0, 1, 2, 3, 4];
        int seen = 0;
        foreach (int[] permutation in Permutations(order, 0))
        {
            IDisposable[] objects = Everything();
            foreach (int i in permutation)
            {
                objects[i].Dispose();
            }

            seen++;
        }

        Assert.That(seen, Is.EqualTo(120));
    }

    [Test]
    public void Disposing_twice_is_disposing_once()
    {
        IDisposable[] objects = Everything();
        foreach (IDisposable thing in objects.Concat(objects))
        {
            thing.Dispose();
        }
    }

    [Test]
    public void A_context_lives_as_long_as_the_last_object_in_it()
    {
        long contexts = SoftwareDriver.Live("context");
        CudaDevice device = Open();
        DeviceBuffer buffer = device.Allocate(100);
        device.Dispose();
        Assert.That(SoftwareDriver.Live("context"), Is.EqualTo(Math.Max(contexts, 1)));
        buffer.Dispose();
        Assert.That(SoftwareDriver.Live("context"), Is.EqualTo(contexts));
    }

    [Test]
    public void A_disposed_queue_has_ended_its_work()
    {
        using CudaDevice device = Open();
        using DeviceBuffer a = device.Allocate(32 << 20);
        using DeviceBuffer b = device.Allocate(32 << 20);
        var queue = (CudaQueue)device.CreateQueue();
        for (int i = 0; i < 20; i++)
        {
            queue.Copy(a.Span(DType.UInt8, a.ByteLength), b.Span(DType.UInt8, b.ByteLength));
        }

        using CudaEvent end = queue.Record();
        queue.Dispose();
        Assert.That(end.HasEnded, Is.True);
    }

    [Test]
    public void A_buffer_given_back_while_a_copy_is_under_way_waits_for_it()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        TransferBuffer transfer = device.AllocateTransfer(64 << 20);
        for (int i = 0; i < 10; i++)
        {
            queue.Download(transfer, 64 << 20);
        }

        using CudaEvent end = queue.Record();
        transfer.Dispose();
        Assert.That(end.HasEnded, Is.True);
    }

    [Test]
    public void What_has_been_given_back_can_no_longer_be_used()
    {
        CudaDevice device = Open();
        using DeviceBuffer other = device.Allocate(64);
        DeviceBuffer buffer = device.Allocate(64);
        TransferBuffer transfer = device.AllocateTransfer(64);
        DeviceQueue queue = device.CreateQueue();
        buffer.Dispose();
        transfer.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(() => queue.Upload(new byte[64], buffer.Span(DType.UInt8, 64)), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => transfer.Host.Length, Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => queue.Upload(transfer, 64), Throws.InstanceOf<ObjectDisposedException>());
        });
        queue.Dispose();
        device.Dispose();
        Assert.Multiple(() =>
        {
            Assert.That(queue.Synchronize, Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => queue.Upload(new byte[64], other.Span(DType.UInt8, 64)), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => device.Allocate(1), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(() => device.AllocateTransfer(1), Throws.InstanceOf<ObjectDisposedException>());
            Assert.That(device.CreateQueue, Throws.InstanceOf<ObjectDisposedException>());
        });
    }

    [Test]
    public void What_is_forgotten_goes_back_with_the_garbage()
    {
        long pinned = SoftwareDriver.Live("host_memory");
        using (CudaDevice device = Open())
        {
            Forget(device);
            for (int i = 0; i < 100 && device.LiveBytes > 0; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }

            Assert.That(device.LiveBytes, Is.Zero);
        }

        Assert.That(() => SoftwareDriver.Live("host_memory"), Is.EqualTo(pinned).After(5000, 50));
    }

    [Test]
    public void Disposing_after_the_device_was_lost_throws_nothing()
    {
        IDisposable[] objects = Everything();
        SoftwareDriver.Inject("lost:1");
        foreach (IDisposable thing in objects)
        {
            Assert.That(thing.Dispose, Throws.Nothing);
        }
    }

    private static IDisposable[] Everything()
    {
        CudaDevice device = Open();
        DeviceBuffer buffer = device.Allocate(10_000);
        TransferBuffer transfer = device.AllocateTransfer(20_000);
        var queue = (CudaQueue)device.CreateQueue();
        _ = queue.Scratch(3000);
        queue.Upload(transfer, 20_000);
        queue.Copy(transfer.Span(DType.UInt8, 10_000), buffer.Span(DType.UInt8, 10_000));
        CudaEvent mark = queue.Record();
        return [device, buffer, transfer, queue, mark];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(CudaDevice device)
    {
        _ = device.Allocate(1000);
        _ = device.AllocateTransfer(1000);
    }

    private static IEnumerable<int[]> Permutations(int[] items, int from)
    {
        if (from == items.Length)
        {
            yield return [.. items];
        }

        for (int i = from; i < items.Length; i++)
        {
            (items[from], items[i]) = (items[i], items[from]);
            foreach (int[] permutation in Permutations(items, from + 1))
            {
                yield return permutation;
            }

            (items[from], items[i]) = (items[i], items[from]);
        }
    }
}
