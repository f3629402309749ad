namespace Interfuse.Experts.Tests.Analysis;

public class ChannelBudgetTests
{
    [Test]
    public void Rows_take_no_more_than_the_budget_and_no_less_than_one_per_channel(
        [Values(1, 2, 3, 4, 7, 9, 16)] int experts)
    {
        ChannelMatrix[] matrices = Model(experts, seed: experts);
        var budget = new ChannelBudget(matrices, experts, threads: 2);
        Assert.That(budget.FullBytes, Is.EqualTo(matrices.Sum(matrix => matrix.Channels * matrix.RowBytes * experts)));
        Assert.That(budget.LeastBytes, Is.EqualTo(budget.FullBytes / experts));
        double before = double.PositiveInfinity;
        for (int share = 0; share <= 22; share++)
        {
            long maxBytes = budget.FullBytes * share / 20;
            ChannelAllocation found = budget.Allocate(maxBytes);
            CheckWhole(found, matrices, experts);
            Assert.That(found.Bytes, Is.LessThanOrEqualTo(Math.Max(maxBytes, budget.LeastBytes)));
            Assert.That(found.LostEnergy, Is.LessThanOrEqualTo(before), "more bytes lose no more");
            before = found.LostEnergy;
        }

        Assert.That(before, Is.Zero);
    }

    [Test]
    public void Never_worse_than_the_same_number_of_groups_everywhere([Range(1, 7)] int experts)
    {
        for (int seed = 0; seed < 5; seed++)
        {
            var budget = new ChannelBudget(Model(experts, seed), experts, threads: 1);
            for (int groups = 1; groups <= experts; groups++)
            {
                ChannelAllocation equal = budget.Fixed(groups);
                ChannelAllocation found = budget.Allocate(equal.Bytes);
                Assert.That(equal.Groups(), Is.All.EqualTo(groups));
                Assert.That(found.Bytes, Is.LessThanOrEqualTo(equal.Bytes));
                Assert.That(found.LostEnergy, Is.LessThanOrEqualTo(equal.LostEnergy), $"{groups} groups, seed {seed}");
            }
        }
    }

    [Test]
    public void Where_long_rows_overshoot_the_budget_the_fixed_number_of_groups_takes_over()
    {
        // A long row's second merge is cheaper per byte than a short row's first, but dear as a whole and not needed.
        ChannelMatrix[] matrices =
        [
            Matrix(100, [[[0.0], [10.0], [25.0]]]),
            Matrix(1, [[[0.0], [2.5], [10.0]]]),
        ];
        ChannelAllocation found = new ChannelBudget(matrices, 3, threads: 1).Allocate(202);
        Assert.That(found.Groups(), Is.EqualTo(new byte[] { 2, 2 }));
        Assert.That(found.LostEnergy, Is.EqualTo(50 + 3.125).Within(1e-12));
    }

    [Test]
    public void In_a_single_channel_no_partition_is_better([Range(1, 6)] int experts)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            double[][] vectors = Vectors(experts, 3, new Random((experts * 100) + seed), kinds: seed % 4);
            ChannelMatrix matrix = Matrix(1, [vectors]);
            var budget = new ChannelBudget([matrix], experts, threads: 1);
            for (int groups = 1; groups <= experts; groups++)
            {
                double best = Partitions(experts, groups).Min(partition => Lost(vectors, partition));
                ChannelAllocation found = budget.Allocate(groups);
                CheckWhole(found, [matrix], experts);
                Assert.That(found.LostEnergy, Is.EqualTo(best).Within(1e-12), $"{groups} groups, seed {seed}");
                Assert.That(
                    Lost(vectors, found.Matrices[0].Assignment), Is.EqualTo(found.LostEnergy).Within(1e-12));
            }
        }
    }

    [Test]
    public void Rows_are_given_up_where_they_lose_least_per_byte()
    {
        // Both channels lose the same by merging, but a row of the second is twice as long.
        double[][] vectors = [[1, 0], [0, 1]];
        ChannelMatrix[] matrices = [Matrix(10, [vectors]), Matrix(20, [vectors])];
        var budget = new ChannelBudget(matrices, 2, threads: 1);
        Assert.That(budget.Allocate(59).Groups(), Is.EqualTo(new byte[] { 2, 1 }));
        Assert.That(budget.Allocate(39).Groups(), Is.EqualTo(new byte[] { 1, 1 }));
    }

    [Test]
    public void Equal_costs_go_to_the_lowest_matrix_channel_and_pair()
    {
        double[][] corners = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
        ChannelMatrix[] matrices = [Matrix(1, [corners, corners]), Matrix(1, [corners])];
        var budget = new ChannelBudget(matrices, 3, threads: 1);
        Assert.That(budget.Allocate(8).Groups(), Is.EqualTo(new byte[] { 2, 3, 3 }));
        Assert.That(budget.Allocate(8).Matrices[0].Assignment, Is.EqualTo(new byte[] { 0, 0, 0, 1, 1, 2 }), "[N, m]");
        Assert.That(budget.Allocate(7).Groups(), Is.EqualTo(new byte[] { 1, 3, 3 }), "the second costs as much");
        Assert.That(budget.Allocate(4).Groups(), Is.EqualTo(new byte[] { 1, 1, 2 }));
    }

    [Test]
    public void Identical_experts_share_one_row_whatever_the_budget([Values(1, 2, 3, 5, 16)] int experts)
    {
        var random = new Random(experts);
        double[][][] channels = [.. Enumerable.Range(0, 50).Select(channel =>
        {
            double[] same = channel == 0 ? new double[5] : Vectors(1, 5, random, kinds: 0)[0];
            return Enumerable.Repeat(same, experts).ToArray();
        })];
        var budget = new ChannelBudget([Matrix(2, channels)], experts, threads: 1);
        foreach (long bytes in (long[])[0, 100, budget.FullBytes, long.MaxValue])
        {
            ChannelAllocation found = budget.Allocate(bytes);
            Assert.That(found.Groups(), Is.All.EqualTo(1));
            Assert.That(found.Matrices[0].Assignment, Is.All.Zero);
            Assert.That(found.LostEnergy, Is.Zero);
            Assert.That(found.Bytes, Is.EqualTo(100));
        }
    }

    [Test]
    public void With_room_for_all_only_identical_rows_share()
    {
        double[][] vectors = [[1, 2], [3, 4], [1, 2], [0, 0], [3, 4]];
        ChannelAllocation found = new ChannelBudget([Matrix(1, [vectors])], 5, threads: 1).Allocate(5);
        Assert.That(found.Matrices[0].Assignment, Is.EqualTo(new byte[] { 0, 1, 0, 2, 1 }));
        Assert.That(found.LostEnergy, Is.Zero);
        Assert.That(found.TotalEnergy, Is.EqualTo(60));
    }

    [Test]
    public void Permuting_the_experts_permutes_the_result([Range(2, 8)] int experts)
    {
        var random = new Random(experts);
        double[][][] channels = [.. Enumerable.Range(0, 40).Select(_ => Vectors(experts, 6, random, kinds: 0))];
        int[] order = [.. Enumerable.Range(0, experts)];
        random.Shuffle(order);
        double[][][] permuted = [.. channels.Select(vectors => order.Select(expert => vectors[expert]).ToArray())];
        var budget = new ChannelBudget([Matrix(1, channels)], experts, threads: 1);
        var other = new ChannelBudget([Matrix(1, permuted)], experts, threads: 1);
        for (int share = 1; share <= 10; share++)
        {
            MatrixAllocation found = budget.Allocate(budget.FullBytes * share / 10).Matrices[0];
            MatrixAllocation again = other.Allocate(budget.FullBytes * share / 10).Matrices[0];
            Assert.That(again.Groups, Is.EqualTo(found.Groups));
            for (int channel = 0; channel < channels.Length; channel++)
            {
                byte[] expected = Numbered([.. order.Select(expert => found.Assignment[(expert * 40) + channel])]);
                byte[] actual = [.. order.Select((_, expert) => again.Assignment[(expert * 40) + channel])];
                Assert.That(actual, Is.EqualTo(expected), $"channel {channel}, share {share}");
            }
        }
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    public void Channels_without_numbers_come_last(double value)
    {
        double[][][] channels = [.. Enumerable.Range(0, 4).Select(seed => Vectors(3, 4, new Random(seed), kinds: 0))];
        channels[1][2][0] = value;
        ChannelMatrix matrix = Matrix(1, channels);
        var budget = new ChannelBudget([matrix], 3, threads: 1);
        for (int rows = 6; rows <= 12; rows++)
        {
            ChannelAllocation found = budget.Allocate(rows);
            CheckWhole(found, [matrix], 3);
            Assert.That(found.Groups()[1], Is.EqualTo(3), $"{rows} rows");
            Assert.That(found.UnmeasuredMerges, Is.Zero);
            Assert.That(found.LostEnergy, Is.Not.NaN);
        }

        ChannelAllocation five = budget.Allocate(5);
        Assert.That(five.Groups(), Is.EqualTo(new byte[] { 1, 2, 1, 1 }));
        Assert.That(five.UnmeasuredMerges, Is.EqualTo(1));
        byte[] groups = [.. Enumerable.Range(0, 3).Select(expert => five.Matrices[0].Assignment[(expert * 4) + 1])];
        Assert.That(groups, Is.EqualTo(new byte[] { 0, 0, 1 }), "the experts that have numbers");
        Assert.That(budget.Allocate(0).Groups(), Is.All.EqualTo(1));
    }

    [Test]
    public void Threads_change_nothing()
    {
        ChannelMatrix[] matrices = [.. Model(4, 1), Matrix(3, [.. Enumerable.Range(0, 5000)
            .Select(seed => Vectors(4, 3, new Random(seed), kinds: seed % 4))])];
        var one = new ChannelBudget(matrices, 4, threads: 1);
        var many = new ChannelBudget(matrices, 4, threads: 7);
        for (int share = 4; share <= 16; share++)
        {
            ChannelAllocation expected = one.Allocate(one.FullBytes * share / 16);
            ChannelAllocation found = many.Allocate(one.FullBytes * share / 16);
            Assert.That(found.LostEnergy, Is.EqualTo(expected.LostEnergy));
            Assert.That(found.TotalEnergy, Is.EqualTo(expected.TotalEnergy));
            Assert.That(
                found.Matrices.SelectMany(matrix => matrix.Assignment),
                Is.EqualTo(expected.Matrices.SelectMany(matrix => matrix.Assignment)));
        }
    }

    [Test]
    public void Packing_takes_the_lower_triangles()
    {
        double[] packed = new double[6];
        ChannelMatrix.Pack([1, 9, 2, 3, 4, 9, 5, 6], 2, packed);
        Assert.That(packed, Is.EqualTo(new double[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(() => ChannelMatrix.Pack(new double[7], 2, packed), Throws.ArgumentException);
    }

    [TestCase(0, 1, 3)]
    [TestCase(1, 0, 3)]
    [TestCase(1, 1, 2)]
    public void What_doesnt_belong_together_is_refused(int channels, long rowBytes, int numbers) => Assert.That(
        () => new ChannelBudget([new ChannelMatrix(channels, rowBytes, new double[numbers])], 2, threads: 1),
        Throws.ArgumentException);

    private static void CheckWhole(ChannelAllocation found, ChannelMatrix[] matrices, int experts)
    {
        Assert.That(found.Bytes, Is.EqualTo(found.Matrices.Zip(matrices, (a, b) => a.Rows * b.RowBytes).Sum()));
        Assert.That(found.Rows, Is.EqualTo(found.Matrices.Sum(matrix => matrix.Rows)));
        foreach ((MatrixAllocation allocation, ChannelMatrix matrix) in found.Matrices.Zip(matrices))
        {
            Assert.That(allocation.Rows, Is.EqualTo(allocation.Groups.Sum(count => count)));
            for (int channel = 0; channel < matrix.Channels; channel++)
            {
                byte[] groups = [.. Enumerable.Range(0, experts)
                    .Select(expert => allocation.Assignment[(expert * matrix.Channels) + channel])];
                Assert.That(groups, Is.EqualTo(Numbered(groups)), "numbered by the lowest expert");
                Assert.That(groups.Distinct().Count(), Is.EqualTo(allocation.Groups[channel]));
            }
        }
    }

    private static ChannelMatrix[] Model(int experts, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(1, 4).Select(i => Matrix(
            i * 2, [.. Enumerable.Range(0, 13 * i).Select(channel => Vectors(experts, 4, random, kinds: channel % 4))]))];
    }

    // Kinds 1 to 3: some zero, some equal to others, some their opposites.
    private static double[][] Vectors(int experts, int length, Random random, int kinds)
    {
        double[][] vectors = [.. Enumerable.Range(0, experts).Select(_ =>
            Enumerable.Range(0, length).Select(_ => (double)(float)(random.NextDouble() - 0.5)).ToArray())];
        for (int expert = 1; expert < experts && kinds > 0; expert += 2)
        {
            double[] other = vectors[random.Next(expert)];
            vectors[expert] = [.. other.Select(x => kinds == 1 ? 0 : kinds == 2 ? x : -x)];
        }

        return vectors;
    }

    private static ChannelMatrix Matrix(long rowBytes, double[][][] channels) => new(
        channels.Length,
        rowBytes,
        channels.SelectMany(vectors => vectors.SelectMany(
            (a, e) => vectors.Take(e + 1).Select(b => a.Zip(b, (x, y) => x * y).Sum()))).ToArray());

    private static double Lost(double[][] vectors, byte[] partition)
    {
        double lost = 0;
        foreach (IGrouping<byte, double[]> group in vectors.Zip(partition).GroupBy(e => e.Second, e => e.First))
        {
            double[] mean = [.. Enumerable.Range(0, vectors[0].Length).Select(i => group.Average(v => v[i]))];
            lost += group.Sum(v => v.Zip(mean, (x, y) => (x - y) * (x - y)).Sum());
        }

        return lost;
    }

    // All partitions into at most so many groups, none of which names a group before all lower ones.
    private static IEnumerable<byte[]> Partitions(int experts, int groups)
    {
        IEnumerable<byte[]> Grow(byte[] begun, int used) => begun.Length == experts
            ? [begun]
            : Enumerable.Range(0, Math.Min(used + 1, groups))
                .SelectMany(group => Grow([.. begun, (byte)group], Math.Max(used, group + 1)));
        return Grow([], 0);
    }

    private static byte[] Numbered(byte[] partition)
    {
        List<byte> seen = [.. partition.Distinct()];
        return [.. partition.Select(group => (byte)seen.IndexOf(group))];
    }
}

internal static class Allocations
{
    /// <summary>The numbers of groups of all channels, matrix by matrix.</summary>
    public static byte[] Groups(this ChannelAllocation allocation) =>
        [.. allocation.Matrices.SelectMany(matrix => matrix.Groups)];
}
