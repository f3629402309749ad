using Interfuse.Checkpoints;
using Interfuse.Compute.Cuda;
using Interfuse.Testing;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>Each fault ends in the error that says so, and nothing is left behind (the fixture counts).</summary>
public class CudaFaultTests : SoftwareFixture
{
    private const int Length = 3 << 20;

    private static readonly int[] Calls = [1, 2, 3, 4, 5];

    [TestCaseSource(nameof(Calls))]
    public void An_allocation_that_fails_says_how_much_was_asked_for(int call)
    {
        OutOfDeviceMemoryException failure = Assert.Throws<OutOfDeviceMemoryException>(() => Work($"alloc:{call}"))!;
        Assert.That(failure.Requested, Is.GreaterThan(0));
        Assert.That(failure.Free, Is.GreaterThan(0));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void A_host_allocation_that_fails_says_that_it_is_the_hosts(int call) => Assert.That(
        () => Work($"host_alloc:{call}"),
        Throws.InstanceOf<OutOfDeviceMemoryException>()
            .With.Message.Contains("pinned memory of the host").And.InnerException.InstanceOf<CudaDriverException>());

    [TestCaseSource(nameof(Calls))]
    public void A_copy_that_fails_names_the_call(int call) => Assert.That(
        () => Work($"copy:{call}"),
        Throws.InstanceOf<CudaDriverException>().With.Property(nameof(CudaDriverException.Call)).StartsWith("cuMem"));

    [Test]
    public void A_launch_that_fails_names_the_kernel_and_says_that_the_device_has_given_up() => Assert.That(
        () => Work("launch:1"),
        Throws.InstanceOf<CudaDriverException>()
            .With.Property(nameof(CudaDriverException.Code)).EqualTo(719)
            .And.Property(nameof(CudaDriverException.Name)).EqualTo("CUDA_ERROR_LAUNCH_FAILED")
            .And.Message.Contains("interfuse_convert").And.Message.Contains("start it again"));

    // The work makes more than a hundred calls; every one of them is the one at which the device is lost.
    [Test]
    public void A_device_that_is_lost_at_any_call_is_reported_and_everything_is_given_back()
    {
        int call = 1;
        for (; call < 1000; call++)
        {
            string before = SoftwareDriver.Live();
            InterfuseException? failure = null;
            try
            {
                Work($"lost:{call}");
            }
            catch (InterfuseException e)
            {
                failure = e;
            }

            SoftwareDriver.Inject("");
            Assert.That(SoftwareDriver.Live(), Is.EqualTo(before), $"after a loss at call {call}");
            if (failure is null)
            {
                break;
            }

            Assert.That(failure, Is.InstanceOf<CudaDriverException>().Or.InstanceOf<DeviceUnavailableException>());
            Assert.That(failure.Message, Does.Contain("CUDA_ERROR_DEVICE_UNAVAILABLE"), $"at call {call}");
        }

        Assert.That(call, Is.InRange(50, 999), "the call from which a loss goes unnoticed");
    }

    [Test]
    public void Without_a_fault_the_work_succeeds() => Assert.That(() => Work(""), Throws.Nothing);

    // A bit of everything: transfers both ways, through the ring and beside it, a copy, scratch memory, a launch,
    // events.
    private static void Work(string faults)
    {
        using CudaDevice device = OpenFaulty(faults);
        using DeviceBuffer a = device.Allocate(Length);
        using DeviceBuffer b = device.Allocate(2 * Length);
        using TransferBuffer transfer = device.AllocateTransfer(Length);
        using var queue = (CudaQueue)device.CreateQueue();
        queue.Upload(new byte[Length], a.Span(DType.UInt8, Length));
        queue.Upload(transfer, Length);
        queue.Download(transfer, Length);
        using CudaEvent start = queue.Record();
        Kernels.Convert(queue, a.Span(DType.BFloat16, 1000), b.Span(DType.Float32, 1000));
        using CudaEvent end = queue.Record();
        queue.Copy(a.Span(DType.UInt8, Length), b.Span(DType.UInt8, Length));
        _ = queue.Scratch(5000);
        queue.Download(b.Span(DType.UInt8, Length), new byte[Length]);
        _ = queue.TakeNonFinite();
        _ = end.ElapsedSince(start);
        queue.Synchronize();
    }

    private static CudaDevice OpenFaulty(string faults)
    {
        SoftwareDriver.Inject(faults);
        return Open();
    }
}
