using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Signs of task vectors that agree and contradict each other, counted pair by pair and over all experts.</summary>
[EveryDevice]
public class ConflictTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Conflicts_are_counted_for_random_experts()
    {
        for (int seed = 0; seed < 120; seed++)
        {
            var random = new Random(seed);
            int length = seed < 110 ? TensorData.RandomLength(random) : TileGrid.TileLength + random.Next(3000);
            long first = seed % 3 == 0 ? 8 * random.NextInt64(1L << 40) : 0;
            using SideBySide both = SideBySide();
            Func<int, int, float[]> kind = TensorData.Kinds[random.Next(TensorData.Kinds.Length)];
            DType common = TensorData.DTypes[random.Next(4)];
            bool mixed = random.Next(2) == 0;
            Place Input()
            {
                DType dtype = mixed ? TensorData.DTypes[random.Next(4)] : common;
                int own = random.Next();
                return both.Add(dtype, TensorData.Stored(dtype, kind(length, own), own), random.Next(5));
            }

            Place baseValues = Input();
            Place[] experts = [.. Enumerable.Range(0, 1 + (seed % 16)).Select(_ => Input())];
            TopKThreshold[] keeps = [.. experts.Select(_ => MergeShape.Threshold(random, first, length))];
            both.Same(
                side => Count(side, baseValues, experts, keeps, first),
                $"seed {seed}: {length} elements from {first}, {experts.Length} experts");
        }
    }

    [Test]
    public void A_tie_is_cut_at_any_element()
    {
        const int Length = 70;
        using SideBySide both = SideBySide();
        Place zeros = both.Add(DType.Float32, new byte[4 * Length]);
        byte[] halves = TensorData.Stored(DType.Float16, [.. Enumerable.Repeat(0.5f, Length)], 0);
        byte[] opposite = TensorData.Stored(DType.BFloat16, [.. Enumerable.Repeat(-0.5f, Length)], 0);
        Place[] experts = [both.Add(DType.Float16, halves), both.Add(DType.BFloat16, opposite)];
        for (int cut = 0; cut <= Length; cut++)
        {
            var keep = new TopKThreshold(Formulas.Magnitude(0.5f), (1L << 35) + cut);
            both.Same(
                side => Count(side, zeros, experts, [keep, TopKThreshold.All], 1L << 35),
                $"cut at {cut}");
        }
    }

    [Test]
    public void What_has_no_sign_is_no_conflict()
    {
        float[] values = [0f, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon, 1f];
        float[] others = [1f, -1f, -1f, -1f, 1f, -1f, 1f, 1f];
        using DeviceQueue queue = Device.CreateQueue();
        using DeviceBuffer buffer = Device.Allocate(3 * 4 * values.Length);
        DeviceSpan Put(int place, float[] floats)
        {
            var span = new DeviceSpan(buffer, 4L * place * values.Length, DType.Float32, values.Length);
            queue.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(floats), span);
            return span;
        }

        DeviceSpan zeros = Put(0, new float[values.Length]);
        long[] counts = [10, 20, 30, 40];
        queue.CountConflicts(zeros, [Put(1, values), Put(2, others)], [TopKThreshold.All, TopKThreshold.All], 0, counts);

        Assert.That(counts, Is.EqualTo(new long[] { 15, 24, 35, 44 }));
    }

    private static long[] Count(Side side, Place baseValues, Place[] experts, TopKThreshold[] keeps, long first)
    {
        long[] counts = [.. Enumerable.Range(0, DeviceQueue.ConflictCounts(experts.Length)).Select(count => count << 33)];
        side.Queue.CountConflicts(side[baseValues], side[experts], keeps, first, counts);
        return counts;
    }
}
