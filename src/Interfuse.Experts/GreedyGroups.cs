using System.Numerics;
using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>
/// The groups of one channel's experts while they are merged, two at a time, those that lose least delta energy first.
/// Used for one channel after the other; serves one thread at a time.
/// </summary>
internal sealed class GreedyGroups(int experts)
{
    // A group is known by its lowest expert.
    private readonly uint[] _members = new uint[experts];
    private readonly double[] _within = new double[experts];
    private readonly double[] _between = new double[experts * experts];
    private readonly double[] _costs = new double[experts * experts];
    private uint _groups;

    /// <summary>How many groups there are.</summary>
    public int Count => BitOperations.PopCount(_groups);

    /// <summary>Whether all energies of the channel are numbers.</summary>
    public bool IsFinite { get; private set; }

    /// <summary>Begins a channel: experts whose rows are identical share one group, any other has its own.</summary>
    public void Begin(ReadOnlySpan<double> packed)
    {
        _groups = (1u << experts) - 1;
        _within.AsSpan().Clear();
        IsFinite = IsMeasured(packed, experts);
        for (int e = 0; e < experts; e++)
        {
            _members[e] = 1u << e;
            for (int f = 0; f < e; f++)
            {
                _between[(e * experts) + f] = _between[(f * experts) + e] = Distance(packed, f, e);
            }
        }

        if (IsFinite)
        {
            JoinIdentical(packed);
        }

        for (uint left = _groups; left != 0; left &= left - 1)
        {
            FillCosts(BitOperations.TrailingZeroCount(left));
        }
    }

    /// <summary>Merges the two groups that lose least, of equal ones the lowest, and gives what it cost.</summary>
    public double MergeNext()
    {
        int first = -1;
        int second = -1;
        double least = double.PositiveInfinity;
        for (uint a = _groups; a != 0; a &= a - 1)
        {
            int lower = BitOperations.TrailingZeroCount(a);
            for (uint b = a & (a - 1); b != 0; b &= b - 1)
            {
                int higher = BitOperations.TrailingZeroCount(b);
                double cost = _costs[(lower * experts) + higher];
                if (cost < least || first < 0)
                {
                    (first, second, least) = (lower, higher, cost);
                }
            }
        }

        Merge(first, second);
        FillCosts(first);
        return least;
    }

    /// <summary>Writes the group of each expert, numbered by their lowest expert.</summary>
    public void Write(Span<byte> assignment)
    {
        byte group = 0;
        for (uint left = _groups; left != 0; left &= left - 1, group++)
        {
            for (uint members = _members[BitOperations.TrailingZeroCount(left)]; members != 0; members &= members - 1)
            {
                assignment[BitOperations.TrailingZeroCount(members)] = group;
            }
        }
    }

    /// <summary>
    /// The energy a partition loses: per group the squared distances of all pairs over the number of its experts, which
    /// is the same as the squared distances to the mean and exactly 0 for identical rows.
    /// </summary>
    public static double Lost(ReadOnlySpan<double> packed, ReadOnlySpan<byte> assignment)
    {
        Span<double> sums = stackalloc double[ChannelPartition.MaxExperts];
        Span<int> counts = stackalloc int[ChannelPartition.MaxExperts];
        for (int e = 0; e < assignment.Length; e++)
        {
            counts[assignment[e]]++;
            for (int f = 0; f < e; f++)
            {
                if (assignment[e] == assignment[f])
                {
                    sums[assignment[e]] += Distance(packed, f, e);
                }
            }
        }

        double lost = 0;
        for (int group = 0; group < assignment.Length && counts[group] > 0; group++)
        {
            lost += sums[group] / counts[group];
        }

        return lost;
    }

    /// <summary>Whether a channel's energies, the sum of all its distances too, are finite.</summary>
    public static bool IsMeasured(ReadOnlySpan<double> packed, int experts)
    {
        double sum = 0;
        for (int e = 0; e < experts; e++)
        {
            sum += packed[Diagonal(e)];
            for (int f = 0; f < e; f++)
            {
                sum += Distance(packed, f, e);
            }
        }

        return double.IsFinite(sum);
    }

    /// <summary>The energy of all experts.</summary>
    public static double Total(ReadOnlySpan<double> packed, int experts)
    {
        double total = 0;
        for (int e = 0; e < experts; e++)
        {
            total += packed[Diagonal(e)];
        }

        return total;
    }

    /// <summary>Whether two experts' rows are identical, as far as inner products tell.</summary>
    public static bool AreIdentical(ReadOnlySpan<double> packed, int lower, int higher)
    {
        double own = packed[Diagonal(higher)];
        return packed[Diagonal(lower)] == own && packed[(higher * (higher + 1) / 2) + lower] == own;
    }

    /// <summary>Where an expert's own energy is in a packed Gram matrix.</summary>
    public static int Diagonal(int expert) => (expert * (expert + 3)) / 2;

    // The squared distance of two task vectors; infinite where it is no number.
    private static double Distance(ReadOnlySpan<double> packed, int lower, int higher)
    {
        double shared = packed[(higher * (higher + 1) / 2) + lower];
        double distance = (packed[Diagonal(lower)] + packed[Diagonal(higher)]) - (shared + shared);
        return double.IsNaN(distance) ? double.PositiveInfinity : distance < 0 ? 0 : distance;
    }

    private void JoinIdentical(ReadOnlySpan<double> packed)
    {
        for (int e = 1; e < experts; e++)
        {
            for (uint left = _groups & ((1u << e) - 1); left != 0; left &= left - 1)
            {
                int lower = BitOperations.TrailingZeroCount(left);
                if (AreIdentical(packed, lower, e))
                {
                    Merge(lower, e);
                    break;
                }
            }
        }
    }

    private void Merge(int lower, int higher)
    {
        _within[lower] += _within[higher] + _between[(lower * experts) + higher];
        _members[lower] |= _members[higher];
        _groups &= ~(1u << higher);
        for (uint left = _groups & ~(1u << lower); left != 0; left &= left - 1)
        {
            int other = BitOperations.TrailingZeroCount(left);
            double between = _between[(lower * experts) + other] + _between[(higher * experts) + other];
            _between[(lower * experts) + other] = _between[(other * experts) + lower] = between;
        }
    }

    private void FillCosts(int group)
    {
        double within = _within[group];
        int count = BitOperations.PopCount(_members[group]);
        for (uint left = _groups & ~(1u << group); left != 0; left &= left - 1)
        {
            int other = BitOperations.TrailingZeroCount(left);
            int others = BitOperations.PopCount(_members[other]);
            double together = (within + _within[other] + _between[(group * experts) + other]) / (count + others);
            double cost = together - ((within / count) + (_within[other] / others));

            // Rounding may go below 0; infinite minus infinite is no number.
            cost = double.IsNaN(cost) ? double.PositiveInfinity : cost < 0 ? 0 : cost;
            _costs[(group * experts) + other] = _costs[(other * experts) + group] = cost;
        }
    }
}
