using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>The unified task vector of EMR-Merging, its masks, and the sums that scales follow from.</summary>
[EveryDevice]
public class UnifiedTests(TestDevice device) : DeviceFixture(device)
{
    // Around words of a mask, 16-byte steps and blocks, alone and in pairs.
    private static readonly int[] Columns =
        [1, 7, 16, 31, 32, 33, 63, 64, 65, 1000, 1023, 1024, 1025, 1056, 2047, 2048, 2049, 3100, 8192, 9300];

    [Test]
    public void Any_number_of_experts_elects_the_same_bits([Range(1, 16)] int experts)
    {
        foreach (int columns in (int[])[Columns[experts % Columns.Length], 40 + experts])
        {
            using SideBySide both = SideBySide();
            var random = new Random(experts);
            Place[] models = [.. Enumerable.Range(0, experts + 1).Select(_ =>
            {
                DType dtype = TensorData.DTypes[random.Next(4)];
                return both.Add(dtype, TensorData.Random(dtype, 3 * columns, random), random.Next(3));
            })];
            Elect(both, models, 3, TensorData.DTypes[experts % 4], random.Next(2));
        }
    }

    [Test]
    public void Rows_of_any_length_and_place_elect_the_same_bits(
        [ValueSource(nameof(Columns))] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType dtype in TensorData.DTypes)
        {
            foreach (Func<int, int, float[]> kind in TensorData.Kinds)
            {
                using SideBySide both = SideBySide();
                Place[] models = [.. Enumerable.Range(0, 4).Select(i => both.Add(
                    dtype, TensorData.Stored(dtype, kind(2 * columns, columns + i), i), offset))];
                Elect(both, models, 2, dtype, offset);
            }
        }
    }

    [Test]
    public void Two_experts_elect_what_the_paper_says()
    {
        Outcome outcome = Elect([0, 0, 0, 0], [[1, -2, 3, 0], [2, 1, -1, 4]]);
        Assert.That(outcome.Unified, Is.EqualTo((float[])[2, -2, 3, 4]));
        Assert.That(outcome.Masks, Is.EqualTo((uint[])[0b0111, 0b1001]));
        Assert.That(
            outcome.Sums,
            Is.EqualTo((AgreementSums[])[new(6, 7, 14, 17, 2 + 4 + 9), new(8, 6, 22, 20, 4 + 16)]));
    }

    [Test]
    public void A_zero_sum_is_negative_and_zero_agrees_with_nothing()
    {
        Outcome outcome = Elect([0, 0, 0, 0], [[2, 0, -0f, 1], [-2, 0, 0, 0]]);
        Assert.That(outcome.Unified, Is.EqualTo((float[])[-2, 0, 0, 1]));
        Assert.That(outcome.Unified.Select(float.IsNegative), Is.EqualTo((bool[])[true, false, false, false]));
        Assert.That(outcome.Masks, Is.EqualTo((uint[])[0b1000, 0b0001]));
    }

    [Test]
    public void Nan_agrees_with_nothing_and_elects_the_negative()
    {
        const float inf = float.PositiveInfinity;
        Outcome outcome = Elect([0, 0, 0, inf], [[float.NaN, float.NaN, inf, inf], [3, -3, -inf, 1]]);
        Assert.That(outcome.Unified, Is.EqualTo((float[])[0, -3, -inf, -inf]));
        Assert.That(outcome.Masks, Is.EqualTo((uint[])[0b0000, 0b1110]));
        Assert.That(outcome.Sums[0].Delta, Is.NaN);
        Assert.That(outcome.Sums[0].Agreed, Is.Zero);
        Assert.That(outcome.Sums[1].Agreed, Is.EqualTo(inf));
    }

    [Test]
    public void What_the_stored_value_rounds_away_nobody_has()
    {
        const float tiny = 1e-9f;
        Outcome outcome = Elect([0, 0], [[tiny, 1f + tiny], [tiny, 1.0003f]], DType.Float16);
        Assert.That(outcome.Unified, Is.EqualTo((float[])[0, 1]));
        Assert.That(outcome.Masks, Is.EqualTo((uint[])[0b10, 0b10]));
        Assert.That(outcome.Sums[1].Agreed, Is.EqualTo(1));
    }

    [Test]
    public void Rows_do_not_depend_on_the_rows_beside_them()
    {
        const int columns = 1500;
        float[][] models = [.. Enumerable.Range(0, 4).Select(i => Blocks.Plain(5 * columns, i))];
        Outcome whole = Elect(models[0], models[1..], DType.Float32, channels: 5);
        Outcome part = Elect(
            models[0][columns..(3 * columns)],
            [.. models[1..].Select(x => x[columns..(3 * columns)])],
            DType.Float32,
            channels: 2);
        Assert.That(part.Unified, Is.EqualTo(whole.Unified[columns..(3 * columns)]));
        Assert.That(part.Sums, Is.EqualTo(whole.Sums[3..9]));
        int words = (columns + 31) / 32;
        Assert.That(part.Masks[(2 * words)..(4 * words)], Is.EqualTo(whole.Masks[(6 * words)..(8 * words)]));
    }

    private static void Elect(SideBySide both, Place[] models, int channels, DType dtype, int offset)
    {
        int experts = models.Length - 1;
        int columns = (int)models[0].Length / channels;
        Place unified = both.Room(dtype, channels * columns, offset);
        Place masks = both.Room(DType.UInt32, experts * channels * ((columns + 31) / 32), offset);
        Place sums = both.Room(DType.Float64, channels * experts * AgreementSums.Count, offset);
        both.Same(
            side => side.Queue.ElectUnified(
                side[models[0]], side[models[1..]], channels, side[unified], side[masks], side[sums]),
            $"{experts} experts, {channels} x {columns}, to {dtype}");
    }

    private Outcome Elect(float[] origin, float[][] experts, DType dtype = DType.Float32, int channels = 1)
    {
        int length = origin.Length;
        int words = channels * (((length / channels) + 31) / 32);
        using DeviceBuffer models = Device.Allocate(4L * length * (experts.Length + 1));
        using DeviceBuffer unified = Device.Allocate(4L * length * 2);
        using DeviceBuffer masks = Device.Allocate(4L * experts.Length * words);
        using DeviceBuffer sums = Device.Allocate(8L * AgreementSums.Count * experts.Length * channels);
        DeviceSpan[] places = [.. Enumerable.Range(0, experts.Length + 1).Select(
            i => new DeviceSpan(models, 4L * length * i, DType.Float32, length))];
        float[][] values = [origin, .. experts];
        for (int i = 0; i < places.Length; i++)
        {
            Queue.Upload(MemoryMarshal.AsBytes<float>(values[i]), places[i]);
        }

        DeviceSpan stored = unified.Span(dtype, length);
        var widened = new DeviceSpan(unified, 4L * length, DType.Float32, length);
        Queue.ElectUnified(
            places[0], places.AsSpan(1), channels, stored, masks.Span(DType.UInt32, experts.Length * words),
            sums.Span(DType.Float64, AgreementSums.Count * experts.Length * channels));
        Queue.Convert(stored, widened);
        Queue.TakeNonFinite();
        return new Outcome(
            Read<float>(widened),
            Read<uint>(masks.Span(DType.UInt32, experts.Length * words)),
            Read<AgreementSums>(sums.Span(DType.Float64, AgreementSums.Count * experts.Length * channels)));
    }

    private T[] Read<T>(DeviceSpan span)
        where T : unmanaged
    {
        byte[] bytes = new byte[span.ByteLength];
        Queue.Download(span, bytes);
        return MemoryMarshal.Cast<byte, T>(bytes).ToArray();
    }

    private sealed record Outcome(float[] Unified, uint[] Masks, AgreementSums[] Sums);
}
