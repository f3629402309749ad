using System.Numerics;

namespace Interfuse.Compute;

public static partial class ChannelPartition
{
    private const int MaxRounds = 32;

    private static void FindByKMeans(Objective objective, Span<uint> groups)
    {
        Span<uint> sets = stackalloc uint[groups.Length];
        Span<uint> before = stackalloc uint[groups.Length];
        Span<int> member = stackalloc int[objective.Experts];
        Span<double> closeness = stackalloc double[objective.Experts];
        Start(objective, sets);
        double bestScore = double.NegativeInfinity;
        for (int round = 0; round < MaxRounds; round++)
        {
            sets.CopyTo(before);
            Join(objective, before, member, closeness);
            sets.Clear();
            for (int expert = 0; expert < objective.Experts; expert++)
            {
                sets[member[expert]] |= 1u << expert;
            }

            FillEmptyGroups(sets, member, closeness);
            if (sets.SequenceEqual(before))
            {
                break;
            }

            double score = 0;
            foreach (uint set in sets)
            {
                score += objective.Score(objective.Sum(set), BitOperations.PopCount(set));
            }

            if (score > bestScore)
            {
                bestScore = score;
                sets.CopyTo(groups);
            }
        }
    }

    private static void Start(Objective objective, Span<uint> sets)
    {
        Span<double> nearest = stackalloc double[objective.Experts];
        nearest.Fill(double.NegativeInfinity);
        uint chosen = 0;
        int next = 0;
        for (int group = 0; group < sets.Length; group++)
        {
            sets[group] = 1u << next;
            chosen |= sets[group];
            double sum = objective.Sum(sets[group]);
            next = -1;
            for (int expert = 0; expert < objective.Experts; expert++)
            {
                double closeness = objective.Closeness(expert, sets[group], sum);
                nearest[expert] = closeness > nearest[expert] ? closeness : nearest[expert];
                if ((chosen >> expert & 1) == 0 && (next < 0 || nearest[expert] < nearest[next]))
                {
                    next = expert;
                }
            }
        }
    }

    private static void Join(
        Objective objective, ReadOnlySpan<uint> sets, Span<int> member, Span<double> closeness)
    {
        Span<double> sums = stackalloc double[sets.Length];
        for (int group = 0; group < sets.Length; group++)
        {
            sums[group] = objective.Sum(sets[group]);
        }

        for (int expert = 0; expert < objective.Experts; expert++)
        {
            member[expert] = 0;
            closeness[expert] = double.NegativeInfinity;
            for (int group = 0; group < sets.Length; group++)
            {
                double close = objective.Closeness(expert, sets[group], sums[group]);
                if (close > closeness[expert])
                {
                    closeness[expert] = close;
                    member[expert] = group;
                }
            }
        }
    }

    private static void FillEmptyGroups(Span<uint> sets, Span<int> member, ReadOnlySpan<double> closeness)
    {
        for (int group = 0; group < sets.Length; group++)
        {
            if (sets[group] != 0)
            {
                continue;
            }

            int worst = -1;
            for (int expert = 0; expert < member.Length; expert++)
            {
                bool canLeave = BitOperations.PopCount(sets[member[expert]]) > 1;
                if (canLeave && (worst < 0 || closeness[expert] < closeness[worst]))
                {
                    worst = expert;
                }
            }

            sets[member[worst]] ^= 1u << worst;
            sets[group] = 1u << worst;
            member[worst] = group;
        }
    }
}
