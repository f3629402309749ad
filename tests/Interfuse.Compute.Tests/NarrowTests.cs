using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute.Tests.Conformance;

namespace Interfuse.Compute.Tests;

[EveryPath]
public class NarrowTests(CpuPath path)
{
    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void Every_pattern_of_a_16_bit_type_survives_the_round_trip(
        [Values(DType.BFloat16, DType.Float16)] DType dtype)
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65536).Select(p => (ushort)p)];
        var wide = new float[patterns.Length];
        _kernels.Widen(MemoryMarshal.AsBytes(patterns.AsSpan()), dtype, wide);
        (ushort[] stored, int nonFinite) = Narrow<ushort>(wide, dtype);

        (int infinity, int nan) = dtype == DType.Float16 ? (0x7C00, 0x7E00) : (0x7F80, 0x7FC0);
        ushort[] expected = Array.ConvertAll(patterns, p => (p & 0x7FFF) > infinity ? (ushort)nan : p);
        Assert.That(stored.AsSpan().SequenceEqual(expected));
        Assert.That(nonFinite, Is.EqualTo(patterns.Count(p => (p & 0x7FFF) >= infinity)));
    }

    [Test]
    public void Bf16_rounds_to_nearest_even() => CheckRounding(DType.BFloat16, StoredFloat.NearestBFloat16, 0x7F80);

    [Test]
    public void F16_rounds_to_nearest_even() =>
        CheckRounding(
            DType.Float16, f => float.IsNaN(f) ? (ushort)0x7E00 : BitConverter.HalfToUInt16Bits((Half)f), 0x7C00);

    [Test]
    public void F32_keeps_every_number_and_makes_nans_canonical()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] values = Blocks.Nasty(length, length);
            (uint[] stored, int nonFinite) = Narrow<uint>(values, DType.Float32);
            uint[] expected = Array.ConvertAll(
                values, f => float.IsNaN(f) ? 0x7FC0_0000u : BitConverter.SingleToUInt32Bits(f));
            Assert.That(stored, Is.EqualTo(expected), $"{length}");
            Assert.That(nonFinite, Is.EqualTo(values.Count(f => !float.IsFinite(f))), $"{length}");
        }
    }

    [Test]
    public void F64_keeps_every_number_and_makes_nans_canonical()
    {
        foreach (int length in Blocks.Lengths)
        {
            float[] values = Blocks.Nasty(length, length);
            (ulong[] stored, int nonFinite) = Narrow<ulong>(values, DType.Float64);
            ulong[] expected = Array.ConvertAll(
                values, f => float.IsNaN(f) ? 0x7FF8_0000_0000_0000ul : BitConverter.DoubleToUInt64Bits(f));
            Assert.That(stored, Is.EqualTo(expected), $"{length}");
            Assert.That(nonFinite, Is.EqualTo(values.Count(f => !float.IsFinite(f))), $"{length}");
        }
    }

    [Test]
    public void Too_large_becomes_infinite_and_counts()
    {
        (ushort[] halves, int infinite) = Narrow<ushort>([65519.996f, 65520f, -1e30f], DType.Float16);
        Assert.That((halves[0], halves[1], halves[2], infinite), Is.EqualTo((0x7BFF, 0x7C00, 0xFC00, 2)));

        (ushort[] brains, infinite) = Narrow<ushort>([3.38e38f, float.MaxValue, float.MinValue], DType.BFloat16);
        Assert.That((brains[0], brains[1], brains[2], infinite), Is.EqualTo((0x7F7E, 0x7F80, 0xFF80, 2)));
    }

    [Test]
    public void Types_without_arithmetic_are_refused() =>
        Assert.That(() => _kernels.Narrow(new float[8], DType.Int8, new byte[8]), Throws.ArgumentException);

    [Test]
    public void Lengths_that_do_not_match_are_refused() =>
        Assert.That(() => _kernels.Narrow(new float[8], DType.BFloat16, new byte[15]), Throws.ArgumentException);

    private void CheckRounding(DType dtype, Func<float, ushort> reference, int infinity)
    {
        foreach (int length in Blocks.Lengths.Append(50_000))
        {
            float[] values = Blocks.Nasty(length, length);
            var random = new Random(length);
            for (int i = 0; i < length; i += 2)
            {
                // Every other one: a value of the type, moved to the middle of two or next to it, down to the
                // denormals.
                float[] wide = new float[1];
                _kernels.Widen(BitConverter.GetBytes((ushort)random.Next(65536)), dtype, wide);
                uint middle = dtype == DType.BFloat16 ? 0x8000u : 0x1000u;
                values[i] = BitConverter.UInt32BitsToSingle(
                    BitConverter.SingleToUInt32Bits(wide[0]) + middle + (uint)random.Next(-1, 2));
            }

            (ushort[] stored, int nonFinite) = Narrow<ushort>(values, dtype);
            ushort[] expected = Array.ConvertAll(values, f => reference(f));
            Assert.That(stored.AsSpan().SequenceEqual(expected), $"{length} elements");
            Assert.That(nonFinite, Is.EqualTo(expected.Count(p => (p & infinity) == infinity)), $"{length} elements");
        }
    }

    private (T[] Stored, int NonFinite) Narrow<T>(ReadOnlySpan<float> values, DType dtype)
        where T : unmanaged
    {
        var destination = new Guarded<T>(values.Length);
        int nonFinite = _kernels.Narrow(values, dtype, MemoryMarshal.AsBytes(destination.Span));
        return (destination.Checked(), nonFinite);
    }
}
