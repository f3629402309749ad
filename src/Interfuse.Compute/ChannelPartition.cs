using System.Numerics;

namespace Interfuse.Compute;

/// <summary>
/// The best partition of a channel's experts into groups, found from the Gram matrix of their task vectors alone. All
/// arithmetic is float64 in one order of operations, and ties have a rule, so that every device finds the same one.
/// </summary>
public static partial class ChannelPartition
{
    /// <summary>The most experts a channel has.</summary>
    public const int MaxExperts = 16;

    /// <summary>Up to so many experts the best partition of all is found, beyond it k-means finds a good one.</summary>
    public const int MaxExactExperts = 8;

    /// <summary>Divides experts into exactly K groups, none empty, numbered by their lowest expert.</summary>
    /// <remarks>
    /// <para>
    /// A[e,f] is G[e,f] for Euclidean similarity and <c>G[e,f] / sqrt(G[e,e] * G[f,f])</c> for cosine. Where e or f is
    /// an
    /// expert whose task vector is not finite (its G[e,e] is NaN or infinite), or for cosine is zero, A[e,f] is 0:
    /// such an
    /// expert counts as a zero vector, changes no group's sum, and goes where the order below puts it.
    /// </para>
    /// <para>
    /// The sum T of a group starts at 0 and takes its experts e in order: <c>T = (T + (r + r)) + A[e,e]</c>, where r
    /// starts at 0
    /// and takes A[e,f] of the group's lower experts f in order. Its score is <c>sqrt(T)</c> for cosine (0 where T is
    /// not above
    /// 0) and <c>T / count</c> for Euclidean. The scores of the groups add up from the last to the first:
    /// <c>s1 + (s2 + (s3 + ...))</c>; the partition with the largest sum wins.
    /// </para>
    /// <para>
    /// <b>Up to <see cref="MaxExactExperts"/> experts</b> it is found by dynamic programming over the sets of experts.
    /// The group
    /// of the lowest expert left runs through all sets that leave enough for the other groups, in ascending order of
    /// the set
    /// as a number (bit e stands for expert e), and the rest takes its best partition; of equal sums the first found
    /// stays.
    /// </para>
    /// <para>
    /// <b>Beyond</b> it is k-means in Gram space. The closeness of expert e to a group of c experts, with r the sum of
    /// A[e,f]
    /// over the group in order, is <c>r / sqrt(T)</c> for cosine (0 where T is not above 0), and
    /// <c>((r + r) / c - T / (c * c)) - A[e,e]</c>, minus the squared distance to the mean, for Euclidean. Start:
    /// expert 0 is the
    /// first group, then K - 1 times the expert that is farthest from all groups (its largest closeness to them is the
    /// smallest) becomes the next. Up to <c>32</c> rounds: each expert joins the group it is closest to; then each
    /// empty group
    /// in order takes, from the groups of two and more, the expert that is least close to its own. The rounds end
    /// early when
    /// nothing moves. The round with the largest sum of scores (added from the first group of the start to the last)
    /// wins, of
    /// equal ones the first. All ties go to the lowest expert or group.
    /// </para>
    /// </remarks>
    /// <param name="gram">G [N, N], symmetric, as of float32 vectors. The lower triangle is read.</param>
    /// <param name="experts">N, 1 to <see cref="MaxExperts"/>.</param>
    /// <param name="groups">K, 1 to N.</param>
    /// <param name="similarity">What makes task vectors alike.</param>
    /// <param name="assignment">Receives the group of each expert.</param>
    /// <exception cref="ArgumentException">Counts or lengths are out of range.</exception>
    public static void Best(
        ReadOnlySpan<double> gram, int experts, int groups, ChannelSimilarity similarity, Span<byte> assignment)
    {
        Check(gram, experts, groups, assignment);
        if (groups == 1)
        {
            assignment.Clear();
            return;
        }

        if (groups == experts)
        {
            for (int expert = 0; expert < experts; expert++)
            {
                assignment[expert] = (byte)expert;
            }

            return;
        }

        Span<double> likeness = stackalloc double[experts * experts];
        FillLikeness(gram, experts, similarity, likeness);
        var objective = new Objective(likeness, experts, similarity);
        Span<uint> sets = stackalloc uint[groups];
        if (experts <= MaxExactExperts)
        {
            FindBest(objective, sets);
        }
        else
        {
            FindByKMeans(objective, sets);
        }

        Number(sets, experts, assignment);
    }

    /// <summary>The sum T of <see cref="Best"/> of a group, over any symmetric matrix [N, N].</summary>
    internal static double Sum(ReadOnlySpan<double> matrix, int experts, uint set)
    {
        double sum = 0;
        for (uint left = set; left != 0; left &= left - 1)
        {
            int expert = BitOperations.TrailingZeroCount(left);
            sum = Extend(sum, matrix, experts, set, expert);
        }

        return sum;
    }

    /// <summary>The delta energy of a channel, and what of it merging the groups loses.</summary>
    internal static (double Total, double Lost) Energies(
        ReadOnlySpan<double> gram, int experts, int groups, ReadOnlySpan<byte> assignment)
    {
        double total = 0;
        for (int expert = 0; expert < experts; expert++)
        {
            total += gram[(expert * experts) + expert];
        }

        double lost = 0;
        for (int group = 0; group < groups; group++)
        {
            uint set = 0;
            double energy = 0;
            for (int expert = 0; expert < experts; expert++)
            {
                if (assignment[expert] == group)
                {
                    set |= 1u << expert;
                    energy += gram[(expert * experts) + expert];
                }
            }

            int count = BitOperations.PopCount(set);
            lost += count > 1 ? energy - (Sum(gram, experts, set) / count) : 0;
        }

        return (total, lost < 0 ? 0 : lost);
    }

    // Takes one expert more into the sum of a set's lower ones.
    private static double Extend(double sum, ReadOnlySpan<double> matrix, int experts, uint set, int expert)
    {
        ReadOnlySpan<double> row = matrix.Slice(expert * experts, experts);
        double shared = 0;
        for (uint lower = set & ((1u << expert) - 1); lower != 0; lower &= lower - 1)
        {
            shared += row[BitOperations.TrailingZeroCount(lower)];
        }

        return (sum + (shared + shared)) + row[expert];
    }

    private static void Check(ReadOnlySpan<double> gram, int experts, int groups, Span<byte> assignment)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(experts, MaxExperts);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groups, experts);
        if (gram.Length != experts * experts || assignment.Length != experts)
        {
            throw new ArgumentException(
                $"{experts} experts have a Gram matrix of {experts * experts} and an assignment of {experts} elements, "
                + $"not {gram.Length} and {assignment.Length}.",
                nameof(gram));
        }
    }

    private static void FillLikeness(
        ReadOnlySpan<double> gram, int experts, ChannelSimilarity similarity, Span<double> likeness)
    {
        bool cosine = similarity == ChannelSimilarity.Cosine;
        for (int e = 0; e < experts; e++)
        {
            double own = gram[(e * experts) + e];
            for (int f = 0; f <= e; f++)
            {
                double other = gram[(f * experts) + f];
                double shared = gram[(e * experts) + f];
                double value = !Counts(own, cosine) || !Counts(other, cosine) ? 0
                    : cosine ? shared / Math.Sqrt(own * other)
                    : shared;
                likeness[(e * experts) + f] = value;
                likeness[(f * experts) + e] = value;
            }
        }
    }

    private static bool Counts(double energy, bool cosine) => double.IsFinite(energy) && (!cosine || energy > 0);

    private static void Number(ReadOnlySpan<uint> sets, int experts, Span<byte> assignment)
    {
        byte next = 0;
        uint numbered = 0;
        for (int expert = 0; expert < experts; expert++)
        {
            if ((numbered >> expert & 1) != 0)
            {
                continue;
            }

            foreach (uint set in sets)
            {
                if ((set >> expert & 1) != 0)
                {
                    for (uint left = set; left != 0; left &= left - 1)
                    {
                        assignment[BitOperations.TrailingZeroCount(left)] = next;
                    }

                    numbered |= set;
                    next++;
                }
            }
        }
    }

    private readonly ref struct Objective(ReadOnlySpan<double> likeness, int experts, ChannelSimilarity similarity)
    {
        public ReadOnlySpan<double> Likeness { get; } = likeness;

        public int Experts => experts;

        public double Sum(uint set) => ChannelPartition.Sum(Likeness, experts, set);

        public double Score(double sum, int count) => similarity == ChannelSimilarity.Cosine
            ? (sum > 0 ? Math.Sqrt(sum) : 0)
            : sum / count;

        public double Closeness(int expert, uint set, double sum)
        {
            double shared = 0;
            for (uint left = set; left != 0; left &= left - 1)
            {
                shared += Likeness[(expert * experts) + BitOperations.TrailingZeroCount(left)];
            }

            if (similarity == ChannelSimilarity.Cosine)
            {
                return sum > 0 ? shared / Math.Sqrt(sum) : 0;
            }

            double count = BitOperations.PopCount(set);
            return (((shared + shared) / count) - (sum / (count * count))) - Likeness[(expert * experts) + expert];
        }
    }
}
