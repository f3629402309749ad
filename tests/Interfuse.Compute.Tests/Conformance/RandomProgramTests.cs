using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// Random operations one after the other, on results of each other and without waiting: all devices end with the same
/// bytes, since each ends with those of the reference.
/// </summary>
[EveryDevice]
public class RandomProgramTests(TestDevice device) : DeviceFixture(device)
{
    private const int Inputs = 4;
    private const int Results = 4;
    private const int Steps = 24;

    [Test]
    public void A_random_program_ends_with_the_same_bytes([Range(0, 15)] int seed)
    {
        var random = new Random(seed);
        int length = random.Next(1, 6000);
        using SideBySide both = SideBySide();
        DType[] types = [.. Enumerable.Range(0, Inputs + Results).Select(_ => TensorData.DTypes[random.Next(4)])];
        Place[] places = [.. types.Select(type =>
            both.Add(type, TensorData.Random(type, length, random), random.Next(2) * random.Next(9)))];
        var program = new List<(string Name, Func<Side, long[]> Step)>();
        while (program.Count < Steps)
        {
            program.Add(Step(random, places));
        }

        both.Same(
            side => program.SelectMany(step => step.Step(side)).ToArray(),
            $"{length} elements: {string.Join(", ", program.Select(step => step.Name))}");
    }

    // A step reads any place and writes one of the results; it returns what the operation told the host.
    private static (string Name, Func<Side, long[]> Step) Step(Random random, Place[] places)
    {
        Place a = places[random.Next(places.Length)];
        Place b = places[random.Next(places.Length)];
        Place result = places[random.Next(Inputs, places.Length)];
        int length = (int)a.Length;
        long first = 8 * random.NextInt64(1L << 33);
        TopKThreshold threshold = MergeShape.Threshold(random, first, length);
        TaskTerm[] terms =
        [
            new(0.7f, 1.3f, threshold),
            new(-0.4f, 2f, Drop: MergeShape.Drop(random)),
            new(1f, Keep: threshold, Drop: MergeShape.Drop(random)),
        ];
        var consensus = new Consensus(random.Next(2) == 0, 0.8f, (ZeroSum)random.Next(2));
        Place[] experts = [b, a, places[random.Next(places.Length)]];
        long keep = random.Next(length + 1);
        (int start, int count) = (random.Next(length), random.Next(length));
        count = Math.Min(count, length - start);
        return random.Next(10) switch
        {
            0 => Silent("convert", side => side.Queue.Convert(side[a], side[result])),
            1 => Silent("combine", side =>
                side.Queue.LinearCombination(side[experts], [0.5f, 0.25f, -1f], side[result])),
            2 => Silent("trim", side => side.Queue.TaskVector(side[a], side[b], threshold, first, side[result])),
            3 => Silent("add", side =>
                side.Queue.AddTaskVectors(side[a], side[experts], terms, consensus, first, side[result])),
            4 => Silent("elect", side =>
                side.Queue.ElectAndMerge(side[a], side[experts], terms, consensus, first, side[result])),
            5 => Silent("convert a part", side => side.Queue.Convert(
                side[places[0].Slice(start, count)], side[result.Slice(length - count, count)])),
            6 => ("select and trim", side => SelectAndTrim(side, a, b, keep, result)),
            7 => ("inner products", side => Dot(side, a, b)),
            8 => ("magnitudes", side => MagnitudeSums(side, a, b, terms[2], first)),
            _ => ("histogram", side => Histogram(side, a, b)),
        };
    }

    private static (string, Func<Side, long[]>) Silent(string name, Action<Side> operation)
    {
        long[] Step(Side side)
        {
            operation(side);
            return [];
        }

        return (name, Step);
    }

    private static long[] SelectAndTrim(Side side, Place a, Place b, long keep, Place result)
    {
        TopKThreshold found = side.Queue.FindThreshold(side[a], side[b], keep);
        side.Queue.TaskVector(side[a], side[b], found, 0, side[result]);
        return [found.Bits, found.TieEnd];
    }

    private static long[] Dot(Side side, Place a, Place b)
    {
        var tiles = new DotProducts[1];
        side.Queue.Dot(side[a], side[b], tiles);
        return Bits(tiles[0].AA, tiles[0].BB, tiles[0].AB);
    }

    private static long[] MagnitudeSums(Side side, Place a, Place b, TaskTerm term, long first)
    {
        var tiles = new MagnitudeSum[1];
        side.Queue.MagnitudeSums(side[a], side[b], term, first, tiles);
        return Bits(tiles[0].All, tiles[0].Kept);
    }

    private static long[] Histogram(Side side, Place a, Place b)
    {
        long[] bins = new long[2048];
        side.Queue.MagnitudeHistogram(side[a], side[b], 0, 20, bins);
        return bins;
    }

    // Sums are returned, not stored, so the payload of a NaN is open.
    private static long[] Bits(params double[] sums) =>
        Array.ConvertAll(sums, sum => BitConverter.DoubleToInt64Bits(double.IsNaN(sum) ? double.NaN : sum));
}
