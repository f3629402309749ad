using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>The exact search for the k-th largest magnitude on CUDA: what it finds, in how many sweeps.</summary>
public class SelectionSweepTests : SelectionFixture
{
    // Long enough to be sampled, and no multiple of anything.
    private const int Length = 600_011;

    private const int GroupLength = 8;
    private const int Groups = Length / 256;

    private static readonly (string Name, Func<Random, int, float> Value)[] Kinds =
    [
        ("normal", (random, _) => Normal(random)),
        ("all equal", (_, _) => 0.5f),
        ("all zero", (_, _) => 0f),
        ("shared leading bits", (random, _) => BitConverter.UInt32BitsToSingle(0x3F80_0000u + (uint)random.Next(300))),
        ("two values", (random, _) => random.Next(2) == 0 ? 1f : -2f),
        ("five values", (random, _) => random.Next(5)),
        ("sorted", (_, i) => i * 1e-3f),
        ("sorted, falling", (_, i) => (Length - i) * 1e-3f),
        ("first half tiny", (random, i) => Normal(random) * (i < Length / 2 ? 1e-30f : 1e3f)),
        ("rows of many scales", (random, i) => Normal(random) * MathF.Exp(i / 4096 % 23)),
        ("columns of many scales", (random, i) => Normal(random) * MathF.Exp(i % 64 / 4f)),
        ("mostly zero", (random, _) => random.Next(200) == 0 ? Normal(random) : 0f),
        ("mostly NaN", (random, _) => random.Next(3) == 0 ? Normal(random) : float.NaN),
        ("infinite", (random, _) => random.Next(3) == 0 ? Normal(random) : float.NegativeInfinity),
    ];

    private static IEnumerable<TestCaseData> Inputs() => Kinds.Select(
        (kind, i) => new TestCaseData(kind.Value, i % 2 == 0 ? DType.BFloat16 : DType.Float32)
            .SetName($"One_sweep_finds_the_threshold_exactly({kind.Name})"));

    [TestCaseSource(nameof(Inputs))]
    public void One_sweep_finds_the_threshold_exactly(Func<Random, int, float> value, DType dtype)
    {
        var random = new Random(1);
        float[] expert = [.. Enumerable.Range(0, Length).Select(i => value(random, i))];
        using var inputs = new SelectionInputs(Queue, new float[Length], dtype, expert, dtype);
        foreach (int keep in new[] { 1, Length / 100, Length / 5, Length / 2, Length - 1 })
        {
            TopKThreshold found = Queue.FindThreshold(inputs.Base, inputs.Expert, keep);
            Assert.That(found, Is.EqualTo(inputs.Threshold(keep)), $"{keep} of {Length}");
            Assert.That(Queue.LastSelectionSweeps, Is.EqualTo(1), $"{keep} of {Length}");
        }
    }

    [Test]
    public void A_sample_that_misleads_costs_sweeps_but_not_exactness(
        [Values("answer above", "answer below", "too much between", "too much of one value between")] string kind)
    {
        var random = new Random(2);
        float[] expert = new float[Length];
        for (int i = 0; i < Length; i++)
        {
            expert[i] = kind switch
            {
                "answer above" => 8f + random.NextSingle(),
                "answer below" => random.NextSingle(),
                "too much between" => 2f + Normal(random),
                _ => 3f,
            };
        }

        // The very elements that the sample takes tell another story.
        for (int group = 0; group < Groups; group++)
        {
            for (int i = 0; i < GroupLength; i++)
            {
                expert[SampledFrom(group) + i] = kind switch
                {
                    "answer above" => random.NextSingle(),
                    "answer below" => 8f + random.NextSingle(),
                    _ => group % 2 == 0 ? 1e-6f : 1e6f,
                };
            }
        }

        using var inputs = new SelectionInputs(Queue, new float[Length], DType.Float32, expert, DType.Float32);
        const int Keep = (Length / 2) + 3;
        Assert.That(Queue.FindThreshold(inputs.Base, inputs.Expert, Keep), Is.EqualTo(inputs.Threshold(Keep)));
        Assert.That(Queue.LastSelectionSweeps, Is.InRange(2, 5));
    }

    [Test]
    public void Short_tensors_of_any_length_and_types_take_one_sweep()
    {
        DType[] types = [DType.Float32, DType.BFloat16, DType.Float16, DType.Float64];
        var random = new Random(3);
        for (int trial = 0; trial < 60; trial++)
        {
            int length = trial < 20 ? trial + 2 : random.Next(2, trial < 55 ? 5000 : 150_000);
            float[] baseValues = [.. Enumerable.Range(0, length).Select(_ => Special(random))];
            float[] expert = [.. baseValues.Select(x => random.Next(4) == 0 ? Special(random) : x)];
            using var inputs = new SelectionInputs(
                Queue, baseValues, types[random.Next(4)], expert, types[random.Next(4)], offset: random.Next(2));
            foreach (int keep in new[] { 1, random.Next(1, length), length / 2, length - 1 })
            {
                string what = $"{keep} of {length} {inputs.Base.DType} {inputs.Expert.DType}";
                TopKThreshold found = Queue.FindThreshold(inputs.Base, inputs.Expert, keep);
                Assert.That(found, Is.EqualTo(inputs.Threshold(keep)), what);
                Assert.That(Queue.LastSelectionSweeps, Is.EqualTo(1), what);
            }
        }
    }

    // As select_sample chooses a group's place in its part of the tensor.
    private static int SampledFrom(int group)
    {
        const long All = Length / GroupLength;
        long start = group * All / Groups;
        long width = ((group + 1) * All / Groups) - start;
        uint x = (uint)group;
        x = (x ^ (x >> 16)) * 0x7FEB352D;
        x = (x ^ (x >> 15)) * 0x846CA68B;
        x ^= x >> 16;
        return (int)(start + (long)(((ulong)x * (ulong)width) >> 32)) * GroupLength;
    }
}
