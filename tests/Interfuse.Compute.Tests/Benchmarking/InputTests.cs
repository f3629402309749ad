using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute.Benchmarking;

namespace Interfuse.Compute.Tests.Benchmarking;

public sealed class InputTests
{
    private const int Length = 10_000;

    [Test]
    public void A_part_is_what_the_whole_has_there([Values] bool isBase)
    {
        foreach (InputPattern pattern in Enum.GetValues<InputPattern>())
        {
            float[] whole = new float[Length];
            float[] part = new float[77];
            InputValues.Fill(pattern, isBase ? 0 : 1, 0, Length, whole);
            InputValues.Fill(pattern, isBase ? 0 : 1, 1234, Length, part);

            Assert.That(part, Is.EqualTo(whole[1234..(1234 + 77)]), $"{pattern}");
        }
    }

    [Test]
    public void Random_experts_stay_near_the_base_and_differ_from_each_other()
    {
        float[] baseValues = Values(InputPattern.Random, 0);
        float[] first = Deltas(InputPattern.Random, 1);
        float[] second = Deltas(InputPattern.Random, 2);

        Assert.That(Deviation(baseValues), Is.EqualTo(0.02).Within(3).Percent);
        Assert.That(Deviation(first), Is.EqualTo(0.002).Within(3).Percent);
        double covariance = first.Zip(second).Average(pair => pair.First * pair.Second);
        Assert.That(covariance, Is.EqualTo(0).Within(0.002 * 0.002 * 0.05));
    }

    [Test]
    public void Equal_deltas_are_equal() =>
        Assert.That(Magnitudes(InputPattern.AllEqual).Distinct().Count(), Is.EqualTo(1));

    [Test]
    public void Shared_leading_bits_are_shared_and_the_last_ones_are_not()
    {
        uint[] magnitudes = Magnitudes(InputPattern.SharedLeadingBits);

        Assert.That(magnitudes.Select(bits => bits >> 14).Distinct().Count(), Is.EqualTo(1));
        Assert.That(magnitudes.Distinct().Count(), Is.GreaterThan(500));
    }

    [Test]
    public void Few_values_are_three_magnitudes() =>
        Assert.That(Magnitudes(InputPattern.FewValues).Distinct().Count(), Is.EqualTo(3));

    [Test]
    public void Sorted_deltas_grow_with_their_index() =>
        Assert.That(Magnitudes(InputPattern.Sorted), Is.Ordered);

    [Test]
    public void Distinct_requests_differ_while_there_is_something_left() =>
        Assert.That(Popularity.Distinct.Pick(6, 4), Is.EqualTo((long[])[0, 1, 2, 3, 0, 1]));

    [Test]
    public void Identical_requests_are_for_one_thing() =>
        Assert.That(Popularity.Identical.Pick(9, 4), Has.All.EqualTo(0));

    [Test]
    public void Uniform_requests_are_for_everything_alike()
    {
        int[] counts = Counts(Popularity.Uniform);

        Assert.That(counts, Has.All.InRange(800, 1200));
    }

    [Test]
    public void Skewed_requests_favour_the_first_things_but_leave_none_out()
    {
        int[] counts = Counts(Popularity.Skewed);

        Assert.That(counts, Has.All.Positive);
        Assert.That(counts[0], Is.GreaterThan(5 * counts[9]));
    }

    [TestCase(1, 1, 1)]
    [TestCase(100, 1, 64)]
    [TestCase(1 << 10, 16, 64)]
    [TestCase(1 << 16, 16, 4096)]
    [TestCase(1 << 20, 256, 4096)]
    public void Matrices_have_long_rows_once_they_have_some(long elements, long channels, long columns) =>
        Assert.That(MatrixShape.Of(elements), Is.EqualTo(new MatrixShape(channels, columns)));

    [TestCase(1)]
    [TestCase(1L << 22)]
    [TestCase((1L << 22) + 1)]
    [TestCase((1L << 28) - 3)]
    public void Parts_to_verify_begin_tiles_and_reach_both_ends(long elements)
    {
        IReadOnlyList<Part> parts = Part.ToVerify(elements);

        Assert.That(parts[0].Start, Is.Zero);
        Assert.That(parts[^1].Start + parts[^1].Length, Is.EqualTo(elements));
        Assert.That(parts.Select(part => part.Start % TileGrid.TileLength), Has.All.Zero);
    }

    private static int[] Counts(Popularity popularity)
    {
        long[] picked = popularity.Pick(10_000, 10);
        return [.. Enumerable.Range(0, 10).Select(thing => picked.Count(it => it == thing))];
    }

    private static float[] Values(InputPattern pattern, int tensor)
    {
        byte[] stored = new byte[2 * Length];
        InputValues.Fill(pattern, tensor, DType.BFloat16, 0, Length, stored);
        ushort[] bits = MemoryMarshal.Cast<byte, ushort>(stored).ToArray();
        return [.. bits.Select(upper => BitConverter.UInt32BitsToSingle((uint)upper << 16))];
    }

    private static float[] Deltas(InputPattern pattern, int tensor) =>
        [.. Values(pattern, tensor).Zip(Values(pattern, 0), (expert, baseValue) => expert - baseValue)];

    private static uint[] Magnitudes(InputPattern pattern) =>
        [.. Deltas(pattern, 1).Select(delta => BitConverter.SingleToUInt32Bits(Math.Abs(delta)))];

    private static double Deviation(float[] values) => Math.Sqrt(values.Average(value => (double)value * value));
}
