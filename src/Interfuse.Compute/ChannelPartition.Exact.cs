using System.Numerics;

namespace Interfuse.Compute;

public static partial class ChannelPartition
{
    private const int Sets = 1 << MaxExactExperts;

    // Once expert 0's group is chosen, what is left is a set without expert 0: half as many.
    private const int Rests = Sets / 2;

    // best[M] after step k is the largest sum of scores of a partition of M into k groups, choice[k, M] its first
    // group.
    private static void FindBest(Objective objective, Span<uint> groups)
    {
        Span<double> scores = stackalloc double[Sets];
        FillScores(objective, scores);
        Span<double> best = stackalloc double[Rests];
        Span<double> next = stackalloc double[Rests];
        Span<byte> choices = stackalloc byte[MaxExactExperts * Rests];
        uint all = (1u << objective.Experts) - 1;
        for (uint rest = 2; rest <= all; rest += 2)
        {
            best[(int)rest >> 1] = scores[(int)rest];
        }

        for (int k = 2; k < groups.Length; k++)
        {
            for (uint rest = 2; rest <= all; rest += 2)
            {
                if (BitOperations.PopCount(rest) >= k)
                {
                    (next[(int)rest >> 1], uint first) = BestFirstGroup(rest, k, scores, best);
                    choices[(k * Rests) + ((int)rest >> 1)] = (byte)(first >> 1);
                }
            }

            Span<double> swap = best;
            best = next;
            next = swap;
        }

        (_, groups[0]) = BestFirstGroup(all, groups.Length, scores, best);
        uint left = all & ~groups[0];
        for (int group = 1; group < groups.Length; group++)
        {
            int k = groups.Length - group;
            groups[group] = k == 1 ? left : (uint)choices[(k * Rests) + ((int)left >> 1)] << 1;
            left &= ~groups[group];
        }
    }

    // The group of the lowest expert of a set that is divided into k: the others' best partition is known.
    private static (double Score, uint Group) BestFirstGroup(
        uint set, int k, ReadOnlySpan<double> scores, ReadOnlySpan<double> best)
    {
        uint lowest = set & (~set + 1);
        uint others = set ^ lowest;
        uint joined = 0;
        double bestScore = double.NegativeInfinity;
        uint bestGroup = 0;
        do
        {
            uint rest = others ^ joined;
            if (BitOperations.PopCount(rest) >= k - 1)
            {
                double score = scores[(int)(lowest | joined)] + best[(int)rest >> 1];
                if (score > bestScore)
                {
                    bestScore = score;
                    bestGroup = lowest | joined;
                }
            }

            // The next larger subset of the others; after all of them, 0.
            joined = (joined - others) & others;
        }
        while (joined != 0);

        return (bestScore, bestGroup);
    }

    private static void FillScores(Objective objective, Span<double> scores)
    {
        Span<double> sums = stackalloc double[Sets];
        sums[0] = 0;
        for (int set = 1; set < 1 << objective.Experts; set++)
        {
            int highest = BitOperations.Log2((uint)set);
            sums[set] = Extend(
                sums[set ^ (1 << highest)], objective.Likeness, objective.Experts, (uint)set, highest);
            scores[set] = objective.Score(sums[set], BitOperations.PopCount((uint)set));
        }
    }
}
