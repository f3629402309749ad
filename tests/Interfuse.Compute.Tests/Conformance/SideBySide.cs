using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Where elements lie, on whichever device.</summary>
internal readonly record struct Place(int Buffer, long ByteOffset, DType DType, long Length)
{
    public Place Slice(long start, long length) =>
        this with { ByteOffset = ByteOffset + (start * DType.Size()), Length = length };
}

/// <summary>A device's queue and its copies of the buffers of a <see cref="SideBySide"/>.</summary>
internal sealed class Side(DeviceQueue queue) : IDisposable
{
    private readonly List<DeviceBuffer> _buffers = [];

    public DeviceQueue Queue => queue;

    public DeviceSpan this[Place place] =>
        new(_buffers[place.Buffer], place.ByteOffset, place.DType, place.Length);

    public DeviceSpan[] this[IEnumerable<Place> places] => [.. places.Select(place => this[place])];

    public int Add(ReadOnlySpan<byte> contents)
    {
        DeviceBuffer buffer = queue.Device.Allocate(contents.Length);
        _buffers.Add(buffer);
        queue.Upload(contents, buffer.Span(DType.UInt8, contents.Length));
        return _buffers.Count - 1;
    }

    public byte[] Contents(int index)
    {
        DeviceBuffer buffer = _buffers[index];
        byte[] contents = new byte[buffer.ByteLength];
        queue.Download(buffer.Span(DType.UInt8, contents.Length), contents);
        return contents;
    }

    public void Dispose()
    {
        queue.Synchronize();
        _buffers.ForEach(buffer => buffer.Dispose());
    }
}

/// <summary>
/// The same buffers on the device under test and on the reference. Every operation is done on both; afterwards all the
/// bytes are the same, those around the elements too, and so is the count of non-finite values.
/// </summary>
internal sealed class SideBySide(DeviceQueue tested, DeviceQueue reference) : IDisposable
{
    private const byte Canary = 0xA5;
    private const int Guard = 64;

    private readonly Side _tested = new(tested);
    private readonly Side _reference = new(reference);
    private int _buffers;

    /// <summary>Elements of a type at an offset of some elements, between guard bytes.</summary>
    public Place Add(DType dtype, ReadOnlySpan<byte> elements, int offset = 0)
    {
        int size = dtype.Size();
        int start = offset == 0 ? 0 : Guard + (offset * size);
        byte[] contents = new byte[start + elements.Length + Guard];
        contents.AsSpan().Fill(Canary);
        elements.CopyTo(contents.AsSpan(start));
        _tested.Add(contents);
        _reference.Add(contents);
        return new Place(_buffers++, start, dtype, elements.Length / size);
    }

    /// <summary>Room for as many elements.</summary>
    public Place Room(DType dtype, int length, int offset = 0)
    {
        byte[] elements = new byte[length * dtype.Size()];
        elements.AsSpan().Fill(Canary);
        return Add(dtype, elements, offset);
    }

    /// <summary>Does an operation on both devices and compares all memory and the count of non-finite values.</summary>
    public void Same(Action<Side> operation, string what)
    {
        operation(_tested);
        operation(_reference);
        CompareMemory(what);
    }

    /// <summary>The same for an operation that leaves the bits of a NaN open: they are made the canonical one's.</summary>
    public void SameButNaN(Action<Side> operation, Place result, string what) =>
        Same(
            side =>
            {
                operation(side);
                side.Queue.Convert(side[result], side[result]);
            },
            what);

    /// <summary>Does an operation on both devices and compares what it returns, and all memory.</summary>
    public T[] Same<T>(Func<Side, T[]> operation, string what)
    {
        T[] actual = operation(_tested);
        T[] expected = operation(_reference);
        if (!actual.AsSpan().SequenceEqual(expected))
        {
            int at = actual.AsSpan().CommonPrefixLength(expected);
            Assert.Fail($"{what}: result {at} is {At(actual, at)}, expected {At(expected, at)}");
        }

        CompareMemory(what);
        return actual;
    }

    /// <summary>Elements on the device under test, which are F32.</summary>
    public float[] Floats(Place place)
    {
        byte[] contents = _tested.Contents(place.Buffer);
        return MemoryMarshal.Cast<byte, float>(contents.AsSpan((int)place.ByteOffset, (int)place.Length * 4)).ToArray();
    }

    /// <summary>The bytes of elements on the device under test.</summary>
    public byte[] Bytes(Place place) => _tested.Contents(place.Buffer).AsSpan(
        (int)place.ByteOffset, (int)place.Length * place.DType.Size()).ToArray();

    /// <summary>Does something on the device under test alone.</summary>
    public T OnTested<T>(Func<Side, T> operation) => operation(_tested);

    /// <summary>The magnitude bits of deltas.</summary>
    public uint[] Magnitudes(Place baseValues, Place expert) =>
        ReferenceQueue.Magnitudes(_reference[baseValues], _reference[expert]);

    public void Dispose()
    {
        _tested.Dispose();
        _reference.Dispose();
    }

    private static string At<T>(T[] values, int index) => index < values.Length ? $"{values[index]}" : "missing";

    private void CompareMemory(string what)
    {
        long nonFinite = _tested.Queue.TakeNonFinite();
        Assert.That(nonFinite, Is.EqualTo(_reference.Queue.TakeNonFinite()), $"{what}: values that are not finite");
        for (int buffer = 0; buffer < _buffers; buffer++)
        {
            byte[] actual = _tested.Contents(buffer);
            byte[] expected = _reference.Contents(buffer);
            if (!actual.AsSpan().SequenceEqual(expected))
            {
                int at = actual.AsSpan().CommonPrefixLength(expected);
                Assert.Fail($"{what}: byte {at} of buffer {buffer} ({actual.Length} bytes) differs:"
                    + $" {Bytes(actual, at)}, expected {Bytes(expected, at)}");
            }
        }
    }

    private static string Bytes(byte[] contents, int at) =>
        Convert.ToHexString(contents.AsSpan(at & ~7, Math.Min(8, contents.Length - (at & ~7))));
}
