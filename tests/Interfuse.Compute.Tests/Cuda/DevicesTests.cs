using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

public class DevicesTests : SoftwareFixture
{
    [Test]
    public void The_processor_is_opened_by_name()
    {
        DeviceChoice choice = Devices.Open("cpu", 2);
        using Device device = choice.Device;
        Assert.That(device, Is.InstanceOf<CpuDevice>());
        Assert.That(choice.Why, Does.Contain(device.Name).And.Contain("'cpu'"));
    }

    [Test]
    public void The_software_driver_is_opened_by_name()
    {
        DeviceChoice choice = Devices.Open("software", 1);
        using Device device = choice.Device;
        Assert.That(device, Is.InstanceOf<CudaDevice>());
    }

    // The fixture's process is bound to the software driver, so there is no CUDA device it may use.
    [Test]
    public void By_itself_nothing_chooses_the_software_driver_and_the_reason_is_told()
    {
        Open().Dispose();
        DeviceChoice choice = Devices.Open("auto", 2);
        using Device device = choice.Device;
        Assert.That(device, Is.InstanceOf<CpuDevice>());
        Assert.That(choice.Why, Does.Contain(device.Name).And.Contain("CUDA can't be used: this process already uses"));
    }

    [Test]
    public void A_device_that_is_named_is_not_replaced_by_another()
    {
        Open().Dispose();
        Assert.That(() => Devices.Open("cuda", 1), Throws.InstanceOf<DeviceUnavailableException>());
    }

    [Test]
    public void An_unknown_name_is_an_error_that_lists_the_names() => Assert.That(
        () => Devices.Open("gpu", 1),
        Throws.InstanceOf<DeviceUnavailableException>().With.Message.Contains("gpu").And.Message.Contains("auto, cpu, cuda, software"));
}
