using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class TrimmingTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Trimmed_task_vectors_have_the_same_bits_for_random_shapes()
    {
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            int length = TensorData.RandomLength(random);
            long first = seed % 3 == 0 ? 8 * random.NextInt64(1L << 40) : 0;
            TopKThreshold keep = MergeShape.Threshold(random, first, length);
            using SideBySide both = SideBySide();
            DType[] types = [.. Enumerable.Range(0, 3).Select(_ => TensorData.DTypes[random.Next(4)])];
            Place baseValues = both.Add(types[0], TensorData.Random(types[0], length, random), random.Next(3));
            Place expert = both.Add(types[1], TensorData.Random(types[1], length, random), random.Next(3));
            Place destination = random.Next(4) switch
            {
                0 => baseValues,
                1 => expert,
                _ => both.Room(types[2], length, random.Next(3)),
            };
            both.Same(
                side => side.Queue.TaskVector(side[baseValues], side[expert], keep, first, side[destination]),
                $"seed {seed}: {length} elements, {keep}");
        }
    }

    [Test]
    public void A_tie_is_cut_at_any_element()
    {
        const int Length = 70;
        using SideBySide both = SideBySide();
        Place zeros = both.Add(DType.Float32, new byte[4 * Length]);
        byte[] halves = TensorData.Stored(DType.Float16, [.. Enumerable.Repeat(-0.5f, Length)], 0);
        Place expert = both.Add(DType.Float16, halves);
        Place destination = both.Room(DType.Float32, Length);
        for (int cut = 0; cut <= Length; cut++)
        {
            var keep = new TopKThreshold(Formulas.Magnitude(0.5f), (1L << 35) + cut);
            both.Same(
                side => side.Queue.TaskVector(side[zeros], side[expert], keep, 1L << 35, side[destination]),
                $"cut at {cut}");
        }
    }
}
