using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>What a decoder does between its matrix products.</summary>
[EveryDevice]
public class DecoderTests(TestDevice device) : DeviceFixture(device)
{
    private const int Experts = 4;

    private static readonly Func<int, int, float[]>[] Kinds =
        [Blocks.Plain, Blocks.Coarse, Blocks.Mixed, Blocks.Nasty, Tiny];

    [Test]
    public void Norms_of_every_length_give_the_same_bits(
        [Values(1, 2, 3, 15, 16, 17, 64, 80, 127, 128, 255, 256, 257, 511, 1000, 2049)] int columns,
        [Values(0, 1)] int offset)
    {
        for (int kind = 0; kind < Kinds.Length; kind++)
        {
            Norm(3, 1, columns, Kinds[kind], 1e-5f, offset, inPlace: kind % 2 == 0);
        }
    }

    [TestCase(1, 1)]
    [TestCase(1, 7)]
    [TestCase(5, 2)]
    [TestCase(33, 3)]
    [TestCase(0, 1)]
    public void Norms_of_several_experts_in_one_batch_give_the_same_bits(int rowsPerItem, int items)
    {
        Norm(items, rowsPerItem, 24, Blocks.Plain, 1e-6f, 0, inPlace: false);
        Norm(items, rowsPerItem, 24, Blocks.Plain, 1e-6f, 0, inPlace: true);
    }

    [Test]
    public void A_row_of_zeros_is_normed_by_epsilon([Values(0f, 1e-6f)] float epsilon) =>
        Norm(2, 2, 40, (length, _) => new float[length], epsilon, 0, inPlace: false);

    [Test]
    public void Biases_give_the_same_bits(
        [Values(1, 3, 16, 31, 255, 1023, 1024, 1025, 4099)] int columns, [Values(0, 1)] int offset)
    {
        foreach (Func<int, int, float[]> values in Kinds)
        {
            Bias(5, 1, columns, values, offset);
        }

        Bias(3, 4, columns, Blocks.Plain, offset);
        Bias(3, 0, columns, Blocks.Plain, offset);
    }

    [Test]
    public void Rotations_of_every_head_give_the_same_bits(
        [Values(2, 4, 6, 16, 30, 32, 34, 64, 80, 128, 256)] int headLength, [Values(0, 1)] int offset)
    {
        foreach (Func<int, int, float[]> values in Kinds)
        {
            Rotation(3, 5, headLength, values, offset);
        }

        Rotation(1, 1, headLength, Blocks.Plain, offset);
        Rotation(70, 3, headLength, Blocks.Plain, offset);
        Rotation(2, 0, headLength, Blocks.Plain, offset);
    }

    [Test]
    public void Gates_of_every_length_give_the_same_bits([Values(0, 1, 2)] int overlap)
    {
        foreach (int length in Blocks.Lengths.Append(5000).Append(40_001))
        {
            Gate(length, Kinds[length % Kinds.Length], overlap, 0);
            Gate(length, Wide, overlap, 1);
        }
    }

    [Test]
    public void The_formulas_hold()
    {
        const int Length = 300;
        using SideBySide both = SideBySide();
        float[] x = Blocks.Coarse(Length, 1);
        float[] weights = Blocks.Coarse(Length, 2);
        Place first = Floats(both, x, 0);
        Place second = Floats(both, weights, 0);
        Place experts = both.Add(DType.Int32, new byte[4]);
        Place normed = both.Room(DType.Float32, Length);
        Place gated = both.Room(DType.Float32, Length);
        Place turned = Floats(both, x, 0);
        both.Same(
            side =>
            {
                side.Queue.RmsNorm(side[first], side[second], side[experts], Length, 1e-5f, side[normed]);
                side.Queue.SwiGlu(side[first], side[second], side[gated]);
                side.Queue.Rotate(side[turned], side[second], Length);
            },
            "formulas");

        double root = Math.Sqrt((x.Sum(value => (double)value * value) / Length) + 1e-5);
        (float[] norm, float[] gate, float[] turn) = (both.Floats(normed), both.Floats(gated), both.Floats(turned));
        for (int i = 0; i < Length; i++)
        {
            Assert.That(norm[i], Is.EqualTo(x[i] / root * weights[i]).Within(1e-6));
            Assert.That(gate[i], Is.EqualTo(x[i] / (1 + Math.Exp(-x[i])) * weights[i]).Within(1e-6));
            (double cosine, double sine) = (weights[i % 150], weights[(i % 150) + 150]);
            double expected = i < 150
                ? (x[i] * cosine) - (x[i + 150] * sine)
                : (x[i] * cosine) + (x[i - 150] * sine);
            Assert.That(turn[i], Is.EqualTo(expected).Within(1e-6));
        }
    }

    // Gates and their exponentials from far below what underflows to far above what overflows.
    private static float[] Wide(int length, int seed) =>
        Array.ConvertAll(Blocks.Plain(length, seed), value => value * 2200f);

    private static float[] Tiny(int length, int seed) =>
        Array.ConvertAll(Blocks.Plain(length, seed), value => value * 1e-30f);

    private static Place Floats(SideBySide both, float[] values, int offset) =>
        both.Add(DType.Float32, MemoryMarshal.AsBytes<float>(values), offset);

    private static Place ExpertsOf(SideBySide both, int items, int offset)
    {
        var random = new Random(items);
        int[] experts = [.. Enumerable.Range(0, items).Select(_ => random.Next(Experts))];
        return both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(experts), offset);
    }

    private void Norm(
        int items, int rowsPerItem, int columns, Func<int, int, float[]> values, float epsilon, int offset, bool inPlace)
    {
        int length = items * rowsPerItem * columns;
        using SideBySide both = SideBySide();
        Place x = Floats(both, values(length, columns), offset);
        Place weights = Floats(both, values(Experts * columns, columns + 1), offset);
        Place experts = ExpertsOf(both, items, offset);
        Place y = inPlace ? x : both.Room(DType.Float32, length, offset);
        both.SameButNaN(
            side => side.Queue.RmsNorm(side[x], side[weights], side[experts], columns, epsilon, side[y]),
            y,
            $"norms of {items} times {rowsPerItem} x {columns}, offset {offset}, in place {inPlace}");
    }

    private void Bias(int items, int rowsPerItem, int columns, Func<int, int, float[]> values, int offset)
    {
        using SideBySide both = SideBySide();
        Place y = Floats(both, values(items * rowsPerItem * columns, columns), offset);
        Place bias = Floats(both, values(Experts * columns, columns + 1), offset);
        Place experts = ExpertsOf(both, items, offset);
        both.SameButNaN(
            side => side.Queue.AddBias(side[y], side[bias], side[experts], columns),
            y,
            $"biases of {items} times {rowsPerItem} x {columns}, offset {offset}");
    }

    private void Rotation(int tokens, int heads, int headLength, Func<int, int, float[]> values, int offset)
    {
        using SideBySide both = SideBySide();
        Place x = Floats(both, values(tokens * heads * headLength, headLength), offset);
        Place angles = Floats(both, values(tokens * headLength, headLength + 1), offset);
        both.SameButNaN(
            side => side.Queue.Rotate(side[x], side[angles], headLength),
            x,
            $"rotation of {tokens} x {heads} x {headLength}, offset {offset}");
    }

    private void Gate(int length, Func<int, int, float[]> values, int overlap, int offset)
    {
        using SideBySide both = SideBySide();
        Place gate = Floats(both, values(length, length), offset);
        Place up = Floats(both, values(length, length + 1), offset);
        Place y = overlap == 0 ? both.Room(DType.Float32, length, offset) : overlap == 1 ? gate : up;
        both.SameButNaN(
            side => side.Queue.SwiGlu(side[gate], side[up], side[y]), y, $"{length} gates, result in {overlap}");
    }
}
