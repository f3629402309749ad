using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class CombinationTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Weighted_sums_have_the_same_bits_for_random_shapes([Range(1, 16)] int inputs)
    {
        for (int round = 0; round < 8; round++)
        {
            var random = new Random((inputs * 100) + round);
            int length = TensorData.RandomLength(random);
            bool aligned = random.Next(2) == 0;
            DType dtype = TensorData.DTypes[random.Next(4)];
            using SideBySide both = SideBySide();
            Place[] places = [.. Enumerable.Range(0, inputs).Select(_ =>
            {
                DType own = round < 4 ? dtype : TensorData.DTypes[random.Next(4)];
                return both.Add(own, TensorData.Random(own, length, random), aligned ? 0 : random.Next(9));
            })];
            Place destination = round % 4 == 3 ? places[^1] : both.Room(dtype, length, aligned ? 0 : random.Next(9));
            float[] weights = Blocks.Coarse(inputs, round);
            both.Same(
                side => side.Queue.LinearCombination(side[places], weights, side[destination]),
                $"{inputs} inputs, round {round}, {length} elements");
        }
    }

    [Test]
    public void Every_length_works_at_every_alignment(
        [ValueSource(typeof(TensorData), nameof(TensorData.DTypes))] DType dtype)
    {
        foreach (int length in TensorData.Lengths)
        {
            using SideBySide both = SideBySide();
            Place a = both.Add(dtype, TensorData.Stored(dtype, Blocks.Mixed(length, 1), 1), length % 2);
            Place b = both.Add(dtype, TensorData.Stored(dtype, Blocks.Mixed(length, 2), 2), length % 5);
            Place destination = both.Room(dtype, length, length % 3);
            both.Same(
                side => side.Queue.LinearCombination([side[a], side[b]], [0.3f, -1.7f], side[destination]),
                $"{length} elements");
        }
    }

    [Test]
    public void Sums_are_within_the_roundings_of_the_exact_ones()
    {
        const int Inputs = 5, Length = 1024;
        float[] weights = Blocks.Plain(Inputs, 2);
        float[][] data = [.. Enumerable.Range(0, Inputs).Select(input => Blocks.Plain(Length, input))];
        float[] actual = Combine(data, weights);
        for (int i = 0; i < Length; i++)
        {
            double[] products = [.. weights.Zip(data, (weight, row) => (double)weight * row[i])];
            Expect.Close(actual[i], products.Sum(), products.Sum(Math.Abs), 2 * Inputs, $"element {i}");
        }
    }

    [Test]
    public void There_is_no_fused_multiply_add()
    {
        // x * x = 1 + 2^-11 + 2^-24: rounded before the addition, the last term is lost.
        float x = 1f + MathF.Pow(2, -12);
        float[] actual = Combine([[.. Enumerable.Repeat(-1f, 40)], [.. Enumerable.Repeat(x, 40)]], [1f, x]);
        Assert.That(actual, Is.All.EqualTo(MathF.Pow(2, -11)));
    }

    [Test]
    public void Denormals_are_kept()
    {
        float[] actual = Combine([[.. Enumerable.Repeat(3 * float.Epsilon, 40)]], [1f]);
        Assert.That(actual, Is.All.EqualTo(3 * float.Epsilon));
        actual = Combine([[.. Enumerable.Repeat(1.17549435e-38f, 40)]], [0.25f]);
        Assert.That(actual, Is.All.EqualTo(2.93873588e-39f));
    }

    private float[] Combine(float[][] data, float[] weights)
    {
        int length = data[0].Length;
        using DeviceBuffer buffer = Device.Allocate(4L * length * (data.Length + 1));
        DeviceSpan all = buffer.Span(DType.Float32, length * (data.Length + 1L));
        DeviceSpan[] inputs = [.. data.Select((_, row) => all.Slice(row * (long)length, length))];
        for (int row = 0; row < data.Length; row++)
        {
            Queue.Upload(MemoryMarshal.AsBytes(data[row].AsSpan()), inputs[row]);
        }

        float[] result = new float[length];
        DeviceSpan destination = all.Slice(data.Length * (long)length, length);
        Queue.LinearCombination(inputs, weights, destination);
        Queue.Download(destination, MemoryMarshal.AsBytes(result.AsSpan()));
        return result;
    }
}
