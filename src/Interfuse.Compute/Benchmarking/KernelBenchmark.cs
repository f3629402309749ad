namespace Interfuse.Compute.Benchmarking;

/// <summary>An operation of the contract on one kind of input, to be verified and timed at any size.</summary>
public sealed class KernelBenchmark
{
    private readonly Func<TensorSet, long, KernelCase> _prepare;

    internal KernelBenchmark(string operation, string variant, Func<TensorSet, long, KernelCase> prepare)
    {
        Operation = operation;
        Variant = variant;
        _prepare = prepare;
    }

    /// <summary>The operation's name, for example <c>find-threshold</c>.</summary>
    public string Operation { get; }

    /// <summary>Which form of it, or on what input.</summary>
    public string Variant { get; }

    /// <summary>Makes the inputs on a device.</summary>
    /// <param name="queue">The device's queue; the case works on it and is disposed of before it.</param>
    /// <param name="elements">Elements per tensor, 1 or more.</param>
    /// <exception cref="OutOfDeviceMemoryException">The device is too small for this size.</exception>
    public KernelCase Prepare(DeviceQueue queue, long elements)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentOutOfRangeException.ThrowIfLessThan(elements, 1);
        var tensors = new TensorSet(queue);
        try
        {
            KernelCase kernel = _prepare(tensors, elements);
            kernel.Name = $"{this} of {kernel.Elements} elements";
            return kernel;
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>Verifies the operation's result, then times it beside a copy of as many bytes.</summary>
    /// <param name="queue">The queue to run on.</param>
    /// <param name="reference">The device whose results are right.</param>
    /// <param name="elements">Elements per tensor, 1 or more.</param>
    /// <param name="timing">How long to measure.</param>
    /// <exception cref="OutOfDeviceMemoryException">The device is too small for this size.</exception>
    /// <exception cref="KernelMismatchException">The result is wrong.</exception>
    public KernelMeasurement Measure(DeviceQueue queue, Device reference, long elements, KernelTiming timing)
    {
        using KernelCase kernel = Prepare(queue, elements);
        string verified = kernel.Verify(reference);
        KernelTimes times = KernelTimer.Measure(kernel, timing);
        return new KernelMeasurement(
            Operation, Variant, kernel.Elements, verified, kernel.BytesRead, kernel.BytesWritten, times);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Operation} ({Variant})";
}
