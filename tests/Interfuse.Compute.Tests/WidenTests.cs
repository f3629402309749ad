using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests;

[EveryPath]
public class WidenTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void Every_bf16_pattern_widens_exactly()
    {
        ushort[] patterns = AllPatterns();
        float[] expected = Array.ConvertAll(patterns, p => BitConverter.UInt32BitsToSingle((uint)p << 16));
        Expect.SameFloats(Widen<ushort>(patterns, DType.BFloat16), expected, "bf16");
    }

    [Test]
    public void Every_f16_pattern_widens_exactly()
    {
        ushort[] patterns = AllPatterns();
        float[] expected = Array.ConvertAll(patterns, p => (float)BitConverter.UInt16BitsToHalf(p));
        Expect.SameFloats(Widen<ushort>(patterns, DType.Float16), expected, "f16");
    }

    [Test]
    public void F32_keeps_its_bits()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] values = Blocks.Nasty(length, length);
            float[] actual = Widen<float>(values, DType.Float32);
            ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<float>(values);
            Assert.That(MemoryMarshal.AsBytes<float>(actual).SequenceEqual(bytes), $"{length} elements");
        }
    }

    [Test]
    public void F64_rounds_to_nearest_even()
    {
        foreach (int length in Blocks.Lengths)
        {
            double[] values = Array.ConvertAll(Blocks.Nasty(length, length), f => (double)f);
            for (int i = 0; i < length; i++)
            {
                // Half-way between two floats, and next to it on either side.
                float next = MathF.BitIncrement((float)values[i]);
                double half = values[i] + ((next - values[i]) / 2);
                values[i] = (i % 3) switch { 0 => half, 1 => Math.BitIncrement(half), _ => Math.BitDecrement(half) };
            }

            float[] expected = Array.ConvertAll(values, d => (float)d);
            Expect.SameFloats(Widen<double>(values, DType.Float64), expected, $"f64, {length} elements");
        }
    }

    [Test]
    public void Any_length_and_alignment_works([Values(DType.BFloat16, DType.Float16)] DType dtype)
    {
        foreach (int length in Blocks.Lengths)
        {
            ushort[] patterns = Array.ConvertAll(Blocks.Words(length, length), w => (ushort)w);
            float[] expected = Array.ConvertAll(patterns, p => dtype == DType.Float16
                ? (float)BitConverter.UInt16BitsToHalf(p)
                : BitConverter.UInt32BitsToSingle((uint)p << 16));
            Expect.SameFloats(Widen<ushort>(patterns, dtype), expected, $"{dtype}, {length} elements");
        }
    }

    [Test]
    public void F32_widens_in_place()
    {
        float[] values = Blocks.Plain(33, 1);
        float[] before = [.. values];
        _kernels.Widen(MemoryMarshal.AsBytes(values.AsSpan()), DType.Float32, values);
        Assert.That(values, Is.EqualTo(before));
    }

    [Test]
    public void Types_without_arithmetic_are_refused(
        [Values(DType.Int8, DType.Bool, DType.Float8E4M3, DType.Int64)] DType dtype) =>
        Assert.That(
            () => _kernels.Widen(new byte[8], dtype, new float[8 / dtype.Size()]),
            Throws.ArgumentException.With.Message.Contains(dtype.SafetensorsName()));

    [Test]
    public void Lengths_that_do_not_match_are_refused() =>
        Assert.That(() => _kernels.Widen(new byte[7], DType.BFloat16, new float[4]), Throws.ArgumentException);

    [Test]
    public void Overlap_is_refused() =>
        Assert.That(
            () =>
            {
                var values = new float[8];
                _kernels.Widen(MemoryMarshal.AsBytes(values.AsSpan())[..16], DType.BFloat16, values);
            },
            Throws.ArgumentException);

    private static ushort[] AllPatterns() => [.. Enumerable.Range(0, 65536).Select(p => (ushort)p)];

    private float[] Widen<T>(ReadOnlySpan<T> stored, DType dtype)
        where T : unmanaged
    {
        // One byte in: no element is aligned.
        byte[] bytes = [0, .. MemoryMarshal.AsBytes(stored)];
        var destination = new Guarded<float>(stored.Length);
        _kernels.Widen(bytes.AsSpan(1), dtype, destination.Span);
        return destination.Checked();
    }
}
