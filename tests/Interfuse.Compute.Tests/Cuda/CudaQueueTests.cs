using Interfuse.Checkpoints;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

public unsafe class CudaQueueTests : SoftwareFixture
{
    // Around the lengths at which transfers change their way: 64 KiB, a slot of the ring, the ring.
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(65_536)]
    [TestCase(65_537)]
    [TestCase(1 << 20)]
    [TestCase((1 << 20) + 1)]
    [TestCase((4 << 20) + 13)]
    [TestCase((9 << 20) + 77)]
    public void What_is_uploaded_is_downloaded(int length)
    {
        using CudaDevice device = Open();
        using DeviceQueue queue = device.CreateQueue();
        using DeviceBuffer buffer = device.Allocate(length + 7);
        byte[] bytes = Random(length);
        byte[] back = new byte[length];
        var span = new DeviceSpan(buffer, 7, DType.UInt8, length);
        queue.Upload(bytes, span);
        queue.Download(span, back);
        Assert.That(back.AsSpan().SequenceEqual(bytes), Is.True);
    }

    [Test]
    public void Transfer_buffers_carry_bytes_both_ways_without_waiting_in_between()
    {
        const int Length = 3_000_001;
        using CudaDevice device = Open();
        using DeviceQueue queue = device.CreateQueue();
        using TransferBuffer into = device.AllocateTransfer(Length);
        using TransferBuffer from = device.AllocateTransfer(Length);
        byte[] bytes = Random(Length);
        bytes.CopyTo(into.Host);
        queue.Upload(into, Length);
        queue.Copy(into.Span(DType.UInt8, Length), from.Span(DType.UInt8, Length));
        queue.Download(from, Length);
        queue.Synchronize();
        Assert.That(from.Host.SequenceEqual(bytes), Is.True);
    }

    [Test]
    public void Empty_buffers_are_buffers()
    {
        using CudaDevice device = Open();
        using DeviceQueue queue = device.CreateQueue();
        using DeviceBuffer nothing = device.Allocate(0);
        using TransferBuffer transfer = device.AllocateTransfer(0);
        queue.Upload([], nothing.Span(DType.Float32, 0));
        queue.Upload(transfer, 0);
        queue.Download(transfer, 0);
        queue.Synchronize();
        Assert.That(transfer.Host.IsEmpty, Is.True);
        Assert.That(transfer.ByteLength, Is.Zero);
    }

    [Test]
    public void A_kernel_is_launched_with_its_arguments()
    {
        const int Length = 5000;
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        using DeviceBuffer from = device.Allocate(Length * 2);
        using DeviceBuffer to = device.Allocate((Length * 4) + 8);
        byte[] bytes = new byte[Length * 2];
        for (int i = 0; i < Length; i++)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(i * 2), (ushort)(i + 0x3F00));
        }

        queue.Upload(bytes, from.Span(DType.BFloat16, Length));
        Kernels.Convert(queue, from.Span(DType.BFloat16, Length), to.Span(DType.Float32, Length));
        byte[] back = new byte[Length * 4];
        queue.Download(to.Span(DType.Float32, Length), back);
        for (int i = 0; i < Length; i++)
        {
            Assert.That(BitConverter.ToUInt32(back, i * 4), Is.EqualTo((uint)(i + 0x3F00) << 16));
        }
    }

    [Test]
    public void No_blocks_are_no_work_and_need_no_kernel()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        Assert.That(() => queue.Launch("no such kernel", 0, 256, 0L), Throws.Nothing);
    }

    [Test]
    public void A_kernel_that_is_not_there_is_an_error_with_its_name()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        Assert.That(
            () => queue.Launch("interfuse_nothing", 1, 256, 0L),
            Throws.InstanceOf<CudaDriverException>()
                .With.Message.Contains("interfuse_nothing").And.Message.Contains("CUDA_ERROR_NOT_FOUND"));
    }

    [Test]
    public void Arguments_of_another_size_than_the_kernels_are_refused_before_they_are_read()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        Assert.That(
            () => queue.Launch(Kernels.ConvertName, 1, 256, 0L),
            Throws.InvalidOperationException.With.Message.Contains("48 bytes").And.Message.Contains("8 are given"));
    }

    [Test]
    public void A_driver_that_does_not_know_the_size_of_arguments_is_believed_to_take_them()
    {
        using CudaDevice device = Open(new Older(Driver));
        using var queue = (CudaQueue)device.CreateQueue();
        using DeviceBuffer from = device.Allocate(200);
        using DeviceBuffer to = device.Allocate(408);
        Kernels.Convert(queue, from.Span(DType.BFloat16, 100), to.Span(DType.Float32, 100));
        queue.Synchronize();
    }

    [TestCase(-1, 256)]
    [TestCase(1L << 31, 256)]
    [TestCase(1, 0)]
    [TestCase(1, 1025)]
    public void A_grid_that_no_device_has_is_a_mistake_of_the_caller(long blocks, int threads)
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        Assert.That(
            () => queue.Launch(Kernels.ConvertName, blocks, threads, 0L), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void More_shared_memory_than_a_kernel_has_by_default_is_asked_for()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        using DeviceBuffer buffer = device.Allocate(1000);
        Kernels.ConvertArguments arguments = Kernels.Arguments(
            buffer.Span(DType.BFloat16, 10), new DeviceSpan(buffer, 512, DType.Float32, 10));
        queue.Launch(Kernels.ConvertName, 1, 256, arguments, sharedBytes: 100 << 10);
        queue.Launch(Kernels.ConvertName, 1, 256, arguments, sharedBytes: 60 << 10);
        queue.Synchronize();
        Assert.That(
            () => queue.Launch(Kernels.ConvertName, 1, 256, arguments, sharedBytes: 1 << 20),
            Throws.InstanceOf<CudaDriverException>().With.Message.Contains("1048576 bytes of shared memory"));
    }

    [Test]
    public void A_failure_on_the_device_is_reported_at_the_next_wait_and_by_every_call_after_it()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        SoftwareDriver.Inject("launch:1");
        Assert.That(() => queue.Launch(Kernels.ConvertName, 1, 256, default(Kernels.ConvertArguments)), Throws.InstanceOf<CudaDriverException>());
        Assert.That(queue.Synchronize, Throws.InstanceOf<CudaDriverException>().With.Property("Code").EqualTo(719));
        Assert.That(() => device.CreateQueue(), Throws.InstanceOf<CudaDriverException>());
    }

    [Test]
    public void What_is_not_finite_is_counted_per_queue_and_taken_once()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        Assert.That(queue.TakeNonFinite(), Is.Zero);
        Assert.That(queue.TakeNonFinite(), Is.Zero);
    }

    [Test]
    public void Scratch_memory_is_kept_and_grows()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        ulong first = queue.Scratch(100_000);
        Assert.That(queue.Scratch(50_000), Is.EqualTo(first));
        Assert.That(first % 256, Is.Zero);
        long before = device.LiveBytes;
        _ = queue.Scratch(200_000);
        Assert.That(device.LiveBytes - before, Is.EqualTo(CudaMemoryPool.SizeClass(200_000) - CudaMemoryPool.SizeClass(100_000)));
    }

    [Test]
    public void Events_measure_time_and_know_whether_the_work_before_them_has_ended()
    {
        using CudaDevice device = Open();
        using var queue = (CudaQueue)device.CreateQueue();
        using DeviceBuffer buffer = device.Allocate(64 << 20);
        using CudaEvent start = queue.Record();
        CopyHalves(queue, buffer, 10);
        using CudaEvent end = queue.Record();
        TimeSpan elapsed = end.ElapsedSince(start);
        Assert.That(elapsed, Is.GreaterThan(TimeSpan.FromMilliseconds(1)).And.LessThan(TimeSpan.FromMinutes(1)));
        Assert.That(start.HasEnded, Is.True);
        Assert.That(end.HasEnded, Is.True);
    }

    [Test]
    public void Two_queues_work_at_the_same_time()
    {
        using CudaDevice device = Open();
        using var slow = (CudaQueue)device.CreateQueue();
        using var quick = (CudaQueue)device.CreateQueue();
        using DeviceBuffer buffer = device.Allocate(64 << 20);
        using DeviceBuffer small = device.Allocate(64);
        CopyHalves(slow, buffer, 60);
        using CudaEvent end = slow.Record();
        byte[] bytes = Random(64);
        byte[] back = new byte[64];
        quick.Upload(bytes, small.Span(DType.UInt8, 64));
        quick.Download(small.Span(DType.UInt8, 64), back);
        bool slowAtWork = !end.HasEnded;
        Assert.That(back, Is.EqualTo(bytes));
        Assert.That(slowAtWork, Is.True, "the quick queue waited for the slow one");
    }

    [Test]
    public void A_queue_waits_for_a_mark_of_another()
    {
        using CudaDevice device = Open();
        using var first = (CudaQueue)device.CreateQueue();
        using var second = (CudaQueue)device.CreateQueue();
        using DeviceBuffer buffer = device.Allocate(64 << 20);
        CopyHalves(first, buffer, 30);
        using CudaEvent mark = first.Record();
        second.WaitFor(mark);
        second.Synchronize();
        Assert.That(mark.HasEnded, Is.True);
    }

    [Test]
    public void Each_thread_may_use_a_queue_of_its_own_and_all_share_the_device()
    {
        using CudaDevice device = Open();
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            const int Length = 200_000;
            using DeviceQueue queue = device.CreateQueue();
            byte[] bytes = Random(Length, i);
            byte[] back = new byte[Length];
            for (int n = 0; n < 5; n++)
            {
                using DeviceBuffer a = device.Allocate(Length);
                using DeviceBuffer b = device.Allocate(Length);
                queue.Upload(bytes, a.Span(DType.UInt8, Length));
                queue.Copy(a.Span(DType.UInt8, Length), b.Span(DType.UInt8, Length));
                queue.Download(b.Span(DType.UInt8, Length), back);
                Assert.That(back.AsSpan().SequenceEqual(bytes), Is.True);
            }
        });
    }

    [Test]
    public void Memory_of_another_kind_of_device_is_refused()
    {
        using var cpu = new CpuDevice(CpuPath.Scalar, 1);
        using DeviceBuffer foreign = cpu.Allocate(64);
        using TransferBuffer foreignTransfer = cpu.AllocateTransfer(64);
        using CudaDevice device = Open();
        using DeviceQueue queue = device.CreateQueue();
        Assert.That(() => queue.Upload(new byte[64], foreign.Span(DType.UInt8, 64)), Throws.ArgumentException);
        Assert.That(() => queue.Upload(foreignTransfer, 64), Throws.ArgumentException);
    }

    private static void CopyHalves(DeviceQueue queue, DeviceBuffer buffer, int times)
    {
        long half = buffer.ByteLength / 2;
        for (int i = 0; i < times; i++)
        {
            queue.Copy(buffer.Span(DType.UInt8, half), new DeviceSpan(buffer, half, DType.UInt8, half));
        }
    }

    private sealed class Older(ICudaDriver driver) : DriverDouble(driver)
    {
        public override CUresult cuFuncGetParamInfo(CUfunction func, nuint paramIndex, nuint* paramOffset, nuint* paramSize) =>
            CUresult.CUDA_ERROR_NOT_SUPPORTED;
    }
}
