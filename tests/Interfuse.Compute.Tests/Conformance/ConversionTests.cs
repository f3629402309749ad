using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class ConversionTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Every_type_converts_to_every_type_at_any_length_and_alignment(
        [ValueSource(typeof(TensorData), nameof(TensorData.DTypes))] DType from,
        [ValueSource(typeof(TensorData), nameof(TensorData.DTypes))] DType to)
    {
        foreach (int length in TensorData.Lengths)
        {
            using SideBySide both = SideBySide();
            byte[] stored = TensorData.Stored(from, Blocks.Mixed(length, length), length);
            Place source = both.Add(from, stored, length % 3);
            Place destination = both.Room(to, length, length % 4);
            both.Same(side => side.Queue.Convert(side[source], side[destination]), $"{length} elements");
        }
    }

    [Test]
    public void Every_16_bit_pattern_converts(
        [Values(DType.BFloat16, DType.Float16)] DType from,
        [ValueSource(typeof(TensorData), nameof(TensorData.DTypes))] DType to)
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65536).Select(p => (ushort)p)];
        using SideBySide both = SideBySide();
        Place source = both.Add(from, MemoryMarshal.AsBytes(patterns.AsSpan()));
        Place destination = both.Room(to, patterns.Length);
        both.Same(side => side.Queue.Convert(side[source], side[destination]), $"{from} to {to}");
    }

    [Test]
    public void Rounding_is_to_nearest_even_between_any_two_numbers_of_a_16_bit_type(
        [Values(DType.BFloat16, DType.Float16)] DType to)
    {
        // Every pattern of the type, moved to the middle between two numbers or next to it.
        uint middle = to == DType.BFloat16 ? 0x8000u : 0x1000u;
        float[] values = new float[3 * 65536];
        for (int i = 0; i < values.Length; i++)
        {
            ushort pattern = (ushort)(i / 3);
            float number = to == DType.BFloat16
                ? BitConverter.UInt32BitsToSingle((uint)pattern << 16)
                : (float)BitConverter.UInt16BitsToHalf(pattern);
            values[i] = BitConverter.UInt32BitsToSingle(
                BitConverter.SingleToUInt32Bits(number) + middle + (uint)(i % 3) - 1);
        }

        using SideBySide both = SideBySide();
        Place source = both.Add(DType.Float32, MemoryMarshal.AsBytes(values.AsSpan()));
        Place destination = both.Room(to, values.Length);
        both.Same(side => side.Queue.Convert(side[source], side[destination]), $"to {to}");
    }

    [Test]
    public void In_place_only_nans_change([ValueSource(typeof(TensorData), nameof(TensorData.DTypes))] DType dtype)
    {
        using SideBySide both = SideBySide();
        Place values = both.Add(dtype, TensorData.Stored(dtype, Blocks.Nasty(3000, 5), 5), 1);
        both.Same(side => side.Queue.Convert(side[values], side[values]), $"{dtype}");
    }

    [Test]
    public void Non_finite_values_are_counted_once_and_by_queue()
    {
        float[] values = [float.NaN, 1f, float.PositiveInfinity, 65520f, -1e30f, float.MaxValue, 0f];
        using DeviceBuffer from = Device.Allocate(4 * values.Length);
        using DeviceBuffer to = Device.Allocate(2 * values.Length);
        DeviceSpan source = from.Span(DType.Float32, values.Length);
        Queue.Upload(MemoryMarshal.AsBytes(values.AsSpan()), source);
        using DeviceQueue other = Device.CreateQueue();

        Queue.Convert(source, to.Span(DType.Float16, values.Length));
        Queue.Convert(source, to.Span(DType.BFloat16, values.Length));
        Assert.That(Queue.TakeNonFinite(), Is.EqualTo(5 + 3));
        Assert.That(Queue.TakeNonFinite(), Is.Zero);
        Assert.That(other.TakeNonFinite(), Is.Zero);
    }
}
