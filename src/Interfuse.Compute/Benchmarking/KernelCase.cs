namespace Interfuse.Compute.Benchmarking;

/// <summary>An operation of the contract with its tensors on a device, ready to run again and again.</summary>
/// <remarks>Made by <see cref="KernelBenchmark.Prepare"/>. Belongs to the queue it was prepared on.</remarks>
public abstract class KernelCase : IDisposable
{
    private readonly TensorSet _tensors;

    private protected KernelCase(TensorSet tensors, long elements)
    {
        _tensors = tensors;
        Elements = elements;
    }

    /// <summary>Elements per tensor; of a matrix, as many as whole rows hold.</summary>
    public long Elements { get; }

    /// <summary>The bytes a call has to read: every input, or distinct row that is asked for, once.</summary>
    public long BytesRead { get; private protected set; }

    /// <summary>The bytes a call has to write.</summary>
    public long BytesWritten { get; private protected set; }

    /// <summary>The queue the case works on.</summary>
    public DeviceQueue Queue => _tensors.Queue;

    /// <summary>What is run, for messages.</summary>
    internal string Name { get; set; } = "";

    private protected TensorSet Tensors => _tensors;

    /// <summary>Calls the operation once. It may still be running afterwards.</summary>
    public abstract void Run();

    /// <summary>Calls the operation and compares its result with that of another device.</summary>
    /// <param name="reference">The judge.</param>
    /// <returns>How much was compared, in words.</returns>
    /// <exception cref="KernelMismatchException">The results differ.</exception>
    public string Verify(Device reference)
    {
        ArgumentNullException.ThrowIfNull(reference);
        Run();
        using DeviceQueue queue = reference.CreateQueue();
        return Compare(queue);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tensors.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Compares what <see cref="Run"/> has left with what a reference computes.</summary>
    private protected abstract string Compare(DeviceQueue reference);

    private protected KernelMismatchException Mismatch(string difference) =>
        new(Name, Queue.Device.Name, difference);

    private protected void CheckSame(
        ReadOnlySpan<byte> actual, ReadOnlySpan<byte> expected, int size, long firstElement)
    {
        int same = actual.CommonPrefixLength(expected);
        if (same < expected.Length || actual.Length != expected.Length)
        {
            int at = same / size * size;
            string difference = $"is {Hex(actual, at, size)}, but should be {Hex(expected, at, size)}";
            throw Mismatch($"element {firstElement + (at / size)} {difference}");
        }
    }

    private protected static string Compared(IReadOnlyList<Part> parts) =>
        parts.Count == 1 ? "whole" : $"{parts.Count} parts";

    // Little-endian bytes, written as the number they are.
    private static string Hex(ReadOnlySpan<byte> bytes, int at, int size)
    {
        if (at + size > bytes.Length)
        {
            return "missing";
        }

        byte[] number = bytes.Slice(at, size).ToArray();
        Array.Reverse(number);
        return $"0x{System.Convert.ToHexString(number)}";
    }
}
