using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>
/// The halves of channel clustering: the Gram matrices, and groups merged that the caller chose. Together they are the
/// whole.
/// </summary>
[EveryDevice]
public class ChannelGroupTests(TestDevice device) : DeviceFixture(device)
{
    // Around the steps of 8, 16, 128 and 1024 elements that devices take.
    private static readonly int[] Columns = [1, 7, 8, 15, 40, 136, 1000, 1024, 1031, 3080];

    private static readonly float[] Lambdas = [1f, 0.7f, -0.5f, 0f];

    [Test]
    public void Gram_matrices_of_any_number_of_experts_have_the_same_bits([Range(1, 16)] int experts)
    {
        foreach (int columns in (int[])[Columns[experts % Columns.Length], 2056 + experts])
        {
            using SideBySide both = SideBySide();
            Place[] models = Models(both, experts, 3 * columns, new Random(experts), Blocks.Plain);
            CheckGrams(both, models, 3);
        }
    }

    [Test]
    public void Gram_matrices_of_rows_of_any_length_and_place_have_the_same_bits(
        [ValueSource(nameof(Columns))] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType dtype in ExpertData.Types)
        {
            using SideBySide both = SideBySide();
            CheckGrams(both, [.. Enumerable.Range(0, 6).Select(i => both.Add(
                dtype, TensorData.Stored(dtype, Blocks.Mixed(2 * columns, columns + i), i), offset))], 2, offset);
        }
    }

    [Test]
    public void Gram_matrices_are_symmetric_and_their_nans_canonical([Values(2, 7, 11)] int experts)
    {
        using SideBySide both = SideBySide();
        Place[] models = Models(both, experts, 12 * 9, new Random(experts), Blocks.Nasty);
        double[] grams = CheckGrams(both, models, 12);
        for (int place = 0; place < grams.Length; place++)
        {
            (int channel, int entry) = Math.DivRem(place, experts * experts);
            (int e, int f) = Math.DivRem(entry, experts);
            double twin = grams[(channel * experts * experts) + (f * experts) + e];
            Assert.That(
                BitConverter.DoubleToUInt64Bits(grams[place]), Is.EqualTo(BitConverter.DoubleToUInt64Bits(twin)));
        }

        ulong[] nans = [.. grams.Where(double.IsNaN).Select(BitConverter.DoubleToUInt64Bits)];
        Assert.That(nans, Is.Not.Empty.And.All.EqualTo(0x7FF8_0000_0000_0000ul));
    }

    [Test]
    public void Any_groups_of_any_experts_merge_to_the_same_bits(
        [Range(1, 16)] int experts, [ValueSource(nameof(Lambdas))] float lambda)
    {
        var random = new Random(experts);
        foreach (int columns in (int[])[Columns[experts % Columns.Length], random.Next(1, 300)])
        {
            using SideBySide both = SideBySide();
            int channels = random.Next(1, 6);
            Place[] models = Models(both, experts, channels * columns, random, Blocks.Mixed);
            int[] table = RandomTable(experts, channels, random);
            Merge(both, models, channels, lambda, table, TensorData.DTypes[random.Next(4)], random.Next(2));
        }
    }

    [Test]
    public void Rows_of_any_length_and_place_merge_to_the_same_bits(
        [ValueSource(nameof(Columns))] int columns, [Values(0, 1, 8)] int offset)
    {
        foreach (DType dtype in ExpertData.Types)
        {
            var random = new Random(columns + offset);
            using SideBySide both = SideBySide();
            Place[] models = [.. Enumerable.Range(0, 6).Select(i => both.Add(
                dtype, TensorData.Stored(dtype, Blocks.Coarse(3 * columns, columns + i), i), offset))];
            Merge(both, models, 3, Lambdas[columns % 2], RandomTable(5, 3, random), dtype, offset);
        }
    }

    [Test]
    public void One_group_of_all_is_their_plain_average(
        [Range(2, 16)] int experts, [ValueSource(nameof(Lambdas))] float lambda) => CheckAverage(experts, lambda);

    [Test]
    public void A_group_of_one_is_the_experts_own_row([ValueSource(nameof(Columns))] int columns)
    {
        const int experts = 5;
        const int channels = 3;
        foreach (DType dtype in ExpertData.Types)
        {
            using SideBySide both = SideBySide();
            byte[][] values = [.. Enumerable.Range(0, experts + 1).Select(
                i => ExpertData.Stored(Blocks.Mixed(channels * columns, columns + i), dtype))];
            Place[] models = [.. values.Select(bytes => both.Add(dtype, bytes))];
            int[] table = [.. Enumerable.Range(0, experts * channels)];
            byte[] bank = Merge(both, models, channels, 1f, table, dtype, 0, experts * channels);
            Assert.That(bank, Is.EqualTo(values[1..].SelectMany(bytes => bytes).ToArray()), $"{dtype}");
        }
    }

    [Test]
    public void Gram_matrices_partition_and_merge_are_channel_clustering(
        [Values(1, 2, 4, 7, 12)] int experts, [Values] ChannelSimilarity similarity, [Values(1f, 0.6f)] float lambda)
    {
        const int channels = 9;
        const int columns = 77;
        for (int groups = 1; groups <= experts; groups++)
        {
            using SideBySide both = SideBySide();
            Place[] models = Models(
                both, experts, channels * columns, new Random(experts), groups == 2 ? Blocks.Ties : Blocks.Plain);
            Place bank = both.Room(DType.Float32, groups * channels * columns);
            Place assignment = both.Room(DType.UInt8, experts * channels);
            Place energies = both.Room(DType.Float64, 2 * channels);
            byte[] expected = new byte[bank.Length * sizeof(float)];
            var clustering = new ChannelClustering(groups, similarity, lambda);
            both.Same(
                side =>
                {
                    side.Queue.ClusterChannels(
                        side[models[0]], side[models[1..]], channels, clustering, side[bank], side[assignment],
                        side[energies]);
                    side.Queue.Download(side[bank], expected);
                },
                $"{clustering}");
            int[] table = Partition(CheckGrams(both, models, channels), experts, channels, clustering);
            byte[] merged = Merge(both, models, channels, lambda, table, DType.Float32, 0, groups * channels);
            Assert.That(merged, Is.EqualTo(expected), $"{clustering}");
        }
    }

    private void CheckAverage(int experts, float lambda)
    {
        const int channels = 4;
        foreach (int columns in (int[])[8, 131])
        {
            using SideBySide both = SideBySide();
            Place[] models = Models(both, experts, channels * columns, new Random(columns + experts), Blocks.Mixed);
            DType dtype = TensorData.DTypes[experts % 4];
            int[] table = [.. Enumerable.Range(0, experts * channels).Select(i => i % channels)];
            byte[] merged = Merge(both, models, channels, lambda, table, dtype, 0, channels);
            Place average = both.Room(dtype, channels * columns);
            byte[] expected = new byte[merged.Length];
            TaskTerm[] terms = [.. Enumerable.Repeat(new TaskTerm(1f / experts), experts)];
            both.Same(
                side =>
                {
                    side.Queue.AddTaskVectors(
                        side[models[0]], side[models[1..]], terms, new Consensus(false, lambda, ZeroSum.Positive), 0,
                        side[average]);
                    side.Queue.Download(side[average], expected);
                },
                "the average");
            Assert.That(merged, Is.EqualTo(expected), $"{experts} experts, {columns} columns, {dtype}");
        }
    }

    // A base and experts of random types.
    private static Place[] Models(
        SideBySide both, int experts, int length, Random random, Func<int, int, float[]> values)
    {
        int seed = random.Next();
        return [.. Enumerable.Range(0, experts + 1).Select(model =>
        {
            DType dtype = TensorData.DTypes[random.Next(4)];
            return both.Add(dtype, TensorData.Stored(dtype, values(length, seed + model), model), random.Next(2));
        })];
    }

    private static double[] CheckGrams(SideBySide both, Place[] models, int channels, int offset = 0)
    {
        int experts = models.Length - 1;
        Place grams = both.Room(DType.Float64, experts * experts * channels, offset);
        byte[] bytes = new byte[grams.Length * sizeof(double)];
        both.Same(
            side =>
            {
                side.Queue.ChannelGrams(side[models[0]], side[models[1..]], channels, side[grams]);
                side.Queue.Download(side[grams], bytes);
            },
            $"{experts} experts, {channels} channels of {models[0].Length / channels}");
        return MemoryMarshal.Cast<byte, double>(bytes).ToArray();
    }

    // Twice as many rows as there are groups at most: what the table does not name stays as it is.
    private static byte[] Merge(
        SideBySide both,
        Place[] models,
        int channels,
        float lambda,
        int[] table,
        DType dtype,
        int offset,
        int? bankRows = null)
    {
        int columns = (int)models[0].Length / channels;
        Place index = both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(table), offset);
        Place bank = both.Room(dtype, (bankRows ?? 2 * table.Length) * columns, offset);
        byte[] bytes = new byte[bank.Length * dtype.Size()];
        both.Same(
            side =>
            {
                side.Queue.MergeGroups(
                    side[models[0]], side[models[1..]], channels, lambda, side[index], side[bank]);
                side.Queue.Download(side[bank], bytes);
            },
            $"{models.Length - 1} experts, {channels} x {columns}, lambda {lambda}, to {dtype}");
        return bytes;
    }

    // Rows in any order, with gaps; a channel's experts in any groups.
    private static int[] RandomTable(int experts, int channels, Random random)
    {
        int[] rows = [.. Enumerable.Range(0, 2 * experts * channels)];
        random.Shuffle(rows);
        int[] table = new int[experts * channels];
        for (int channel = 0; channel < channels; channel++)
        {
            int groups = random.Next(1, experts + 1);
            for (int expert = 0; expert < experts; expert++)
            {
                table[(expert * channels) + channel] = rows[(channel * experts) + random.Next(groups)];
            }
        }

        return table;
    }

    // The rows of ClusterChannels' bank.
    private static int[] Partition(double[] grams, int experts, int channels, ChannelClustering clustering)
    {
        int[] table = new int[experts * channels];
        byte[] assignment = new byte[experts];
        for (int channel = 0; channel < channels; channel++)
        {
            ChannelPartition.Best(
                grams.AsSpan(channel * experts * experts, experts * experts), experts, clustering.Groups,
                clustering.Similarity, assignment);
            for (int expert = 0; expert < experts; expert++)
            {
                table[(expert * channels) + channel] = (assignment[expert] * channels) + channel;
            }
        }

        return table;
    }
}
