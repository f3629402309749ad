using System.Numerics;

namespace Interfuse.Compute.Tests;

public class ChannelPartitionTests
{
    private static readonly ChannelSimilarity[] Similarities = Enum.GetValues<ChannelSimilarity>();

    [Test]
    public void Up_to_eight_experts_no_partition_is_better(
        [Range(1, 8)] int experts, [ValueSource(nameof(Similarities))] ChannelSimilarity similarity)
    {
        for (int seed = 0; seed < 6; seed++)
        {
            double[][] vectors = Vectors(experts, 5, seed);
            for (int groups = 1; groups <= experts; groups++)
            {
                byte[] found = Best(vectors, groups, similarity);
                double best = AllPartitions(experts, groups).Max(partition => Quality(vectors, partition, similarity));
                Assert.That(found, Is.EqualTo(Numbered(found)), "numbered by the lowest expert");
                Assert.That(found.Distinct().Count(), Is.EqualTo(groups));
                Assert.That(
                    Quality(vectors, found, similarity), Is.EqualTo(best).Within(1e-9 * Math.Max(1, Math.Abs(best))),
                    $"{groups} groups, seed {seed}: {string.Join(' ', found)}");
            }
        }
    }

    [Test]
    public void Up_to_six_experts_no_partition_is_better_however_odd_the_channel(
        [Range(1, 6)] int experts,
        [ValueSource(nameof(Similarities))] ChannelSimilarity similarity,
        [Values] Oddity oddity)
    {
        // Any number of odd experts, so all of them too.
        for (int odd = 0; odd < 1 << experts; odd++)
        {
            double[][] vectors = Vectors(experts, 4, odd);
            double[] model = vectors[BitOperations.TrailingZeroCount(odd | (1 << (experts - 1)))];
            for (int expert = 0; expert < experts; expert++)
            {
                double factor = (expert & 1) == 0 ? 1 : -1;
                vectors[expert] = (odd >> expert & 1) == 0 ? vectors[expert] : oddity switch
                {
                    Oddity.Zero => [0, 0, 0, 0],
                    Oddity.Equal => [.. model],
                    Oddity.Opposite => [.. model.Select(x => factor * x)],
                    Oddity.NaN => [1, double.NaN, 2, 3],
                    _ => [1, double.PositiveInfinity, 2, 3],
                };
            }

            // What is no number counts as zero.
            double[][] counted = [.. vectors.Select(vector =>
                Array.TrueForAll(vector, double.IsFinite) ? vector : [0, 0, 0, 0])];
            for (int groups = 1; groups <= experts; groups++)
            {
                byte[] found = Best(vectors, groups, similarity);
                double best = AllPartitions(experts, groups).Max(partition => Quality(counted, partition, similarity));
                Assert.That(found.Distinct().Count(), Is.EqualTo(groups));
                Assert.That(
                    Quality(counted, found, similarity), Is.EqualTo(best).Within(1e-9),
                    $"{groups} groups, odd ones {odd:b}: {string.Join(' ', found)}");
            }
        }
    }

    [Test]
    public void Ties_go_to_the_first_set_in_ascending_order(
        [Range(2, 7)] int experts, [ValueSource(nameof(Similarities))] ChannelSimilarity similarity)
    {
        for (int seed = 0; seed < 40; seed++)
        {
            // A few directions only, some of them zero: nearly everything is a tie, and all sums are exact.
            var random = new Random((experts * 100) + seed);
            double[][] vectors = [.. Enumerable.Range(0, experts).Select(_ => Axis(random.Next(4)))];
            double[] gram = Gram(vectors);
            for (int groups = 1; groups <= experts; groups++)
            {
                uint[] sets = Documented(gram, experts, (1u << experts) - 1, groups, similarity).Sets;
                byte[] expected = new byte[experts];
                for (int expert = 0; expert < experts; expert++)
                {
                    expected[expert] = (byte)Array.FindIndex(sets, set => (set >> expert & 1) != 0);
                }

                Assert.That(Best(vectors, groups, similarity), Is.EqualTo(expected), $"{groups} groups, seed {seed}");
            }
        }
    }

    [Test]
    public void Beyond_eight_experts_clear_clusters_are_found(
        [Values(9, 12, 16)] int experts, [ValueSource(nameof(Similarities))] ChannelSimilarity similarity)
    {
        var random = new Random(experts);
        for (int groups = 2; groups <= 4; groups++)
        {
            byte[] planted = [.. Enumerable.Range(0, experts).Select(expert => (byte)(expert * 7 % groups))];
            double[][] vectors = [.. planted.Select(group => Enumerable.Range(0, 4)
                .Select(axis => (axis == group ? 3.0 : 0) + (random.NextDouble() * 0.2)).ToArray())];
            Assert.That(Best(vectors, groups, similarity), Is.EqualTo(Numbered(planted)));
        }
    }

    [Test]
    public void Beyond_eight_experts_the_result_is_whole_and_never_worse_than_the_start(
        [Range(9, 16)] int experts, [ValueSource(nameof(Similarities))] ChannelSimilarity similarity)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            double[][] vectors = Vectors(experts, 3 + seed, seed);
            for (int groups = 1; groups <= experts; groups++)
            {
                byte[] found = Best(vectors, groups, similarity);
                Assert.That(found, Is.EqualTo(Numbered(found)), "numbered by the lowest expert");
                Assert.That(found.Distinct().Count(), Is.EqualTo(groups));
                Assert.That(
                    Quality(vectors, found, similarity),
                    Is.GreaterThanOrEqualTo(Quality(vectors, FarthestFirst(vectors, groups, similarity), similarity) - 1e-9),
                    $"{groups} groups, seed {seed}");
                Assert.That(Best(vectors, groups, similarity), Is.EqualTo(found), "a second time");
            }
        }
    }

    [Test]
    public void Identical_experts_beyond_eight_still_fill_every_group()
    {
        double[][] vectors = [.. Enumerable.Range(0, 12).Select(_ => Axis(1))];
        byte[] found = Best(vectors, 5, ChannelSimilarity.Euclidean);
        Assert.That(found.Distinct().Count(), Is.EqualTo(5));
    }

    [Test]
    public void An_expert_that_is_not_finite_or_is_zero_changes_nobody_elses_groups()
    {
        double[][] vectors = [[5, 0], [0, 0], [4.9, 0.1], [0, 5], [0.1, 4.8]];
        double[] gram = Gram(vectors);
        byte[] zero = Best(gram, 5, 2, ChannelSimilarity.Cosine);
        for (int other = 0; other < 5; other++)
        {
            gram[5 + other] = gram[(other * 5) + 1] = double.NaN;
        }

        Assert.That(Best(gram, 5, 2, ChannelSimilarity.Cosine), Is.EqualTo(zero));
        Assert.That(zero[0], Is.EqualTo(zero[2]));
        Assert.That(zero[3], Is.EqualTo(zero[4]));
        Assert.That(zero[0], Is.Not.EqualTo(zero[3]));
    }

    [Test]
    public void Energies_are_those_of_the_distances_to_the_means()
    {
        double[][] vectors = Vectors(6, 4, 3);
        byte[] groups = [0, 1, 0, 2, 1, 0];
        (double total, double lost) = ChannelPartition.Energies(Gram(vectors), 6, 3, groups);
        Assert.That(total, Is.EqualTo(vectors.Sum(vector => vector.Sum(x => x * x))).Within(1e-12));
        Assert.That(lost, Is.EqualTo(-Quality(vectors, groups, ChannelSimilarity.Euclidean)).Within(1e-12));
        Assert.That(ChannelPartition.Energies(Gram(vectors), 6, 6, [0, 1, 2, 3, 4, 5]).Lost, Is.Zero);
    }

    [TestCase(0, 1)]
    [TestCase(17, 1)]
    [TestCase(3, 0)]
    [TestCase(3, 4)]
    public void Impossible_counts_are_refused(int experts, int groups) => Assert.That(
        () => ChannelPartition.Best(
            new double[experts * experts], experts, groups, ChannelSimilarity.Cosine, new byte[experts]),
        Throws.InstanceOf<ArgumentException>());

    /// <summary>What makes a channel's task vectors hard to divide.</summary>
    public enum Oddity
    {
        Zero,
        Equal,
        Opposite,
        NaN,
        Infinite,
    }

    private static double[] Axis(int axis)
    {
        double[] vector = new double[3];
        if (axis > 0)
        {
            vector[axis - 1] = 2;
        }

        return vector;
    }

    private static double[][] Vectors(int experts, int length, int seed)
    {
        var random = new Random((experts * 1000) + seed);
        return [.. Enumerable.Range(0, experts).Select(_ =>
            Enumerable.Range(0, length).Select(_ => (double)(float)(random.NextDouble() - 0.5)).ToArray())];
    }

    private static double[] Gram(double[][] vectors) =>
        [.. vectors.SelectMany(a => vectors.Select(b => a.Zip(b, (x, y) => x * y).Sum()))];

    private static byte[] Best(double[][] vectors, int groups, ChannelSimilarity similarity) =>
        Best(Gram(vectors), vectors.Length, groups, similarity);

    private static byte[] Best(double[] gram, int experts, int groups, ChannelSimilarity similarity)
    {
        byte[] assignment = new byte[experts];
        ChannelPartition.Best(gram, experts, groups, similarity, assignment);
        return assignment;
    }

    private static byte[] Numbered(byte[] partition)
    {
        List<byte> seen = [.. partition.Distinct()];
        return [.. partition.Select(group => (byte)seen.IndexOf(group))];
    }

    // All partitions into exactly so many groups, as strings that name a group only after all lower ones.
    private static IEnumerable<byte[]> AllPartitions(int experts, int groups)
    {
        IEnumerable<byte[]> Grow(byte[] begun, int used) => begun.Length == experts
            ? (used == groups ? [begun] : [])
            : Enumerable.Range(0, Math.Min(used + 1, groups))
                .SelectMany(group => Grow([.. begun, (byte)group], Math.Max(used, group + 1)));
        return Grow([], 0);
    }

    // From the vectors themselves, where the code under test sees only their inner products.
    private static double Quality(double[][] vectors, byte[] partition, ChannelSimilarity similarity)
    {
        double quality = 0;
        foreach (IGrouping<byte, double[]> group in vectors.Zip(partition).GroupBy(e => e.Second, e => e.First))
        {
            double[][] members = [.. group.Select(v => similarity == ChannelSimilarity.Cosine ? Normalised(v) : v)];
            double[] sum = [.. Enumerable.Range(0, members[0].Length).Select(i => members.Sum(v => v[i]))];
            quality += similarity == ChannelSimilarity.Cosine
                ? Math.Sqrt(sum.Sum(x => x * x))
                : -members.Sum(v => v.Zip(sum, (x, s) => Math.Pow(x - (s / members.Length), 2)).Sum());
        }

        return quality;
    }

    private static double[] Normalised(double[] vector)
    {
        double norm = Math.Sqrt(vector.Sum(x => x * x));
        return [.. vector.Select(x => norm == 0 ? 0 : x / norm)];
    }

    // The rule in words: the lowest expert's group runs through all sets in ascending order, the first of the best
    // stays.
    private static (double Score, uint[] Sets) Documented(
        double[] gram, int experts, uint left, int groups, ChannelSimilarity similarity)
    {
        if (groups == 1)
        {
            return (Score(gram, experts, left, similarity), [left]);
        }

        (double Score, uint[] Sets) best = (double.NegativeInfinity, []);
        for (uint set = 1; set <= left; set++)
        {
            uint rest = left & ~set;
            bool isFirstGroup = (set & ~left) == 0 && (set & (left & (~left + 1))) != 0;
            if (isFirstGroup && BitOperations.PopCount(rest) >= groups - 1)
            {
                (double score, uint[] sets) = Documented(gram, experts, rest, groups - 1, similarity);
                score = Score(gram, experts, set, similarity) + score;
                best = score > best.Score ? (score, [set, .. sets]) : best;
            }
        }

        return best;
    }

    private static double Score(double[] gram, int experts, uint set, ChannelSimilarity similarity)
    {
        double sum = 0;
        for (int e = 0; e < experts; e++)
        {
            for (int f = 0; f < experts; f++)
            {
                if ((set >> e & 1) != 0 && (set >> f & 1) != 0)
                {
                    double energies = gram[(e * experts) + e] * gram[(f * experts) + f];
                    double shared = gram[(e * experts) + f];
                    sum += similarity == ChannelSimilarity.Euclidean ? shared
                        : energies > 0 ? shared / Math.Sqrt(energies) : 0;
                }
            }
        }

        return similarity == ChannelSimilarity.Cosine ? Math.Sqrt(sum) : sum / BitOperations.PopCount(set);
    }

    private static byte[] FarthestFirst(double[][] vectors, int groups, ChannelSimilarity similarity)
    {
        double[][] points = similarity == ChannelSimilarity.Cosine ? [.. vectors.Select(Normalised)] : vectors;
        double Distance(int e, int f) => points[e].Zip(points[f], (x, y) => (x - y) * (x - y)).Sum();
        List<int> centres = [0];
        while (centres.Count < groups)
        {
            centres.Add(Enumerable.Range(0, points.Length).Except(centres)
                .MaxBy(e => centres.Min(centre => Distance(e, centre))));
        }

        return [.. Enumerable.Range(0, points.Length).Select(
            e => (byte)Enumerable.Range(0, groups).MinBy(g => Distance(e, centres[g])))];
    }
}
