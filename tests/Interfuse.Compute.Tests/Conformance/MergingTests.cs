using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

[EveryDevice]
public class MergingTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Task_vectors_are_added_with_the_same_bits_for_random_shapes([Range(0, 3)] int group)
    {
        for (int seed = group * 32; seed < (group + 1) * 32; seed++)
        {
            using SideBySide both = SideBySide();
            var shape = MergeShape.Random(both, seed);
            both.Same(
                side => side.Queue.AddTaskVectors(
                    side[shape.Base],
                    side[shape.Experts],
                    shape.Terms,
                    shape.Consensus,
                    shape.FirstElement,
                    side[shape.Destination]),
                shape.ToString());
        }
    }

    [Test]
    public void Elections_have_the_same_bits_for_random_shapes([Range(0, 3)] int group)
    {
        for (int seed = group * 32; seed < (group + 1) * 32; seed++)
        {
            using SideBySide both = SideBySide();
            var shape = MergeShape.Random(both, seed + 10_000);
            both.Same(
                side => side.Queue.ElectAndMerge(
                    side[shape.Base],
                    side[shape.Experts],
                    shape.Terms,
                    shape.Consensus,
                    shape.FirstElement,
                    side[shape.Destination]),
                shape.ToString());
        }
    }

    [Test]
    public void Every_length_works_with_every_consensus([Values] bool normalize, [Values] ZeroSum zeroSum)
    {
        foreach (int length in TensorData.Lengths)
        {
            using SideBySide both = SideBySide();
            Place baseValues = Input(both, length, 1);
            Place[] experts = [Input(both, length, 2), Input(both, length, 3), Input(both, length, 4)];
            TaskTerm[] terms = [new(1f), new(-1f, Keep: new(Formulas.Magnitude(0.5f), length / 2)), new(0f)];
            Place destination = both.Room(DType.Float32, length, length % 3);
            var consensus = new Consensus(normalize, 1f, zeroSum);
            both.Same(
                side => side.Queue.ElectAndMerge(
                    side[baseValues], side[experts], terms, consensus, 0, side[destination]),
                $"election of {length} elements");
            both.Same(
                side => side.Queue.AddTaskVectors(
                    side[baseValues], side[experts], terms, consensus, 0, side[destination]),
                $"sum of {length} elements");
        }
    }

    [Test]
    public void Weights_that_cancel_normalize_nothing([Values(0f, 9e-9f, 1e-8f, 2e-8f, -9e-9f)] float rest)
    {
        using SideBySide both = SideBySide();
        Place baseValues = Input(both, 1000, 1);
        Place[] experts = [Input(both, 1000, 2), Input(both, 1000, 3), Input(both, 1000, 4)];
        Place destination = both.Room(DType.Float32, 1000);
        TaskTerm[] terms = [new(1f), new(-1f), new(rest)];
        var consensus = new Consensus(Normalize: true, 1f, ZeroSum.Positive);
        both.Same(
            side => side.Queue.AddTaskVectors(side[baseValues], side[experts], terms, consensus, 0, side[destination]),
            $"rest {rest}");
    }

    [Test]
    public void A_sum_of_negative_zeros_keeps_its_sign()
    {
        // base -0, delta -0 - -0 = +0, weight -1: the contribution is -0, and -0 + -0 = -0.
        byte[] zeros = TensorData.Stored(DType.Float32, [.. Enumerable.Repeat(-0f, 20)], 1);
        using SideBySide both = SideBySide();
        Place baseValues = both.Add(DType.Float32, zeros);
        Place destination = both.Room(DType.Float32, 20);
        both.Same(
            side => side.Queue.AddTaskVectors(
                side[baseValues],
                [side[baseValues], side[baseValues]],
                [new(-1f), new(-1f)],
                new Consensus(false, 1f, ZeroSum.NoMajority),
                0,
                side[destination]),
            "negative zeros");
        byte[] result = new byte[80];
        using DeviceBuffer check = Device.Allocate(160);
        Queue.Upload(zeros, check.Span(DType.Float32, 20));
        Queue.AddTaskVectors(
            check.Span(DType.Float32, 20),
            [check.Span(DType.Float32, 20)],
            [new(-1f)],
            new Consensus(false, 1f, ZeroSum.NoMajority),
            0,
            check.Span(DType.Float32, 40).Slice(20, 20));
        Queue.Download(check.Span(DType.Float32, 40).Slice(20, 20), result);
        Assert.That(result, Is.EqualTo(zeros));
    }

    private static Place Input(SideBySide both, int length, int seed)
    {
        byte[] stored = TensorData.Stored(DType.BFloat16, Blocks.Ties(length, seed), seed);
        return both.Add(DType.BFloat16, stored, seed % 2);
    }
}
