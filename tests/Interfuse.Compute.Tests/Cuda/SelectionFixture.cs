using Interfuse.Compute.Cuda;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>Selection on one queue of the software CUDA device.</summary>
[NonParallelizable]
public abstract class SelectionFixture
{
    private CudaDevice? _device;
    private CudaQueue? _queue;

    protected CudaQueue Queue => _queue!;

    [OneTimeSetUp]
    public void Open()
    {
        SoftwareFixture.Require();
        _device = SoftwareCuda.Open();
        _queue = (CudaQueue)_device.CreateQueue();
    }

    [OneTimeTearDown]
    public void Close()
    {
        _queue?.Dispose();
        _device?.Dispose();
    }

    /// <summary>About normal.</summary>
    protected static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    /// <summary>Ordinary values, few distinct ones, and what is not finite, zero or denormal.</summary>
    protected static float Special(Random random) => random.Next(12) switch
    {
        0 => float.NaN,
        1 => float.PositiveInfinity,
        2 => float.NegativeInfinity,
        3 => 0f,
        4 => -0f,
        5 => 1e-41f,
        6 or 7 => random.Next(-3, 4),
        _ => Normal(random),
    };
}
