namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// The base of the conformance fixtures: a queue of the device under test, and one of the <see cref="ReferenceDevice"/>
/// that judges it.
/// </summary>
public abstract class DeviceFixture(TestDevice device)
{
    private DeviceQueue? _queue;
    private DeviceQueue? _reference;

    /// <summary>A queue of the device under test.</summary>
    protected DeviceQueue Queue => _queue!;

    /// <summary>The device under test.</summary>
    protected Device Device => Queue.Device;

    [OneTimeSetUp]
    public void Open()
    {
        _queue = device.Open().CreateQueue();
        _reference = new ReferenceDevice().CreateQueue();
    }

    [OneTimeTearDown]
    public void Close()
    {
        _reference?.Dispose();
        _queue?.Dispose();
    }

    /// <summary>Memory with the same contents on both devices, and operations done on both.</summary>
    internal SideBySide SideBySide() => new(Queue, _reference!);
}
