using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>
/// The <c>budget</c> mode of Channel Merging: spends bytes on the rows of all channels of a model where they keep most
/// delta energy, instead of giving every channel the same number of groups.
/// </summary>
/// <remarks>
/// <para>
/// With D[e,f] = G[e,e] + G[f,f] - 2 G[e,f], the squared distance of two task vectors, a group C loses
/// <c>lost(C) = (sum over pairs of C of D) / |C|</c>, which equals <c>sum G[e,e] - (1 / |C|) sum G[e,f]</c>. Every
/// expert starts with its own row. Experts whose rows are identical (G[e,e] = G[e,f] = G[f,f]) share one at once and
/// whatever the budget is, since that costs nothing. Then the two groups merge whose
/// <c>lost(A with B) - lost(A) - lost(B)</c> is least per byte saved, of all channels of all matrices, until the rows fit.
/// Within a channel no merge counts as cheaper than the one before it, which only rounding would make it. Ties go to the
/// lowest matrix, then channel, then pair of groups, numbered by their lowest expert. The merges of a channel whose Gram
/// matrix isn't finite cost infinitely much: they are the last.
/// </para>
/// <para>
/// That fixes how many groups a channel has. Which groups these are is then looked for again by
/// <see cref="ChannelPartition.Best"/>, because merging by twos need not find the best ones, and what loses less stays.
/// At last the largest number of groups that fits the budget in every channel alike is tried, so that the result never
/// loses more than a fixed K of no more bytes does.
/// </para>
/// <para>All of it is float64 in a fixed order: the result depends on nothing else, in particular not on threads.</para>
/// <para>Serves one caller at a time.</para>
/// </remarks>
public sealed partial class ChannelBudget
{
    // Identical rows come before anything that costs.
    private const double Free = -1;
    private const int BlockLength = 1024;

    private readonly ChannelMatrix[] _matrices;
    private readonly int _experts;
    private readonly ParallelOptions _parallel;
    private readonly int[] _starts;
    private readonly (int Matrix, int Begin, int End)[] _blocks;
    private readonly int[] _order;
    private readonly int _freeMerges;
    private readonly (long Unmeasured, double Lost)?[] _fixed;

    /// <summary>Finds the order in which channels give up rows; allocations for any budget follow from it.</summary>
    /// <param name="matrices">The matrices, all of one order of experts. Kept, not copied.</param>
    /// <param name="experts">N, 1 to <see cref="ChannelPartition.MaxExperts"/>.</param>
    /// <param name="threads">How many threads to use, 1 or more.</param>
    /// <param name="cancellation">Ends the search, this one and those of the allocations.</param>
    /// <exception cref="ArgumentException">Counts or lengths are out of range or don't belong together.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> asked for it.</exception>
    public ChannelBudget(
        IEnumerable<ChannelMatrix> matrices, int experts, int threads, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(experts, ChannelPartition.MaxExperts);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _matrices = [.. matrices];
        _experts = experts;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        _starts = Starts(_matrices, experts);
        _blocks = [.. Blocks(_matrices)];
        _fixed = new (long, double)?[experts];
        FullBytes = _matrices.Sum(matrix => checked(matrix.RowBytes * matrix.Channels * experts));
        (_order, _freeMerges) = FindOrder();
    }

    /// <summary>The bytes of all rows of all experts.</summary>
    public long FullBytes { get; }

    /// <summary>The bytes of one row per channel: no allocation takes less.</summary>
    public long LeastBytes => FullBytes / _experts;

    /// <summary>Allocates so that the rows take no more than the budget, or one per channel if that is more.</summary>
    /// <param name="maxBytes">The budget, 0 or more.</param>
    public ChannelAllocation Allocate(long maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        ChannelAllocation greedy = Build(GroupsWithin(maxBytes), keepGreedy: true);
        int groups = LeastBytes == 0 ? 0 : (int)Math.Min(maxBytes / LeastBytes, _experts);
        if (groups == 0)
        {
            return greedy;
        }

        _fixed[groups - 1] ??= Losses(Fixed(groups));
        return _fixed[groups - 1]!.Value.CompareTo(Losses(greedy)) < 0 ? Fixed(groups) : greedy;

        // Rows whose energy nobody knows are the last to be given up.
        static (long, double) Losses(ChannelAllocation allocation) =>
            (allocation.UnmeasuredMerges, allocation.LostEnergy);
    }

    /// <summary>Gives every channel the same number of groups, the best there are.</summary>
    /// <param name="groups">K, 1 to N.</param>
    public ChannelAllocation Fixed(int groups)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(groups, _experts);
        byte[] counts = new byte[_starts[^1]];
        counts.AsSpan().Fill((byte)groups);
        return Build(counts, keepGreedy: false);
    }

    private static int[] Starts(ChannelMatrix[] matrices, int experts)
    {
        int[] starts = new int[matrices.Length + 1];
        for (int i = 0; i < matrices.Length; i++)
        {
            ChannelMatrix matrix = matrices[i];
            if (matrix.Channels < 1 || matrix.RowBytes < 1
                || matrix.Grams.Length != (long)matrix.Channels * ChannelMatrix.PackedLength(experts))
            {
                throw new ArgumentException(
                    $"Matrix {i} has {matrix.Channels} channels of {matrix.RowBytes} bytes and {matrix.Grams.Length} "
                    + $"numbers; expected are {ChannelMatrix.PackedLength(experts)} per channel.",
                    nameof(matrices));
            }

            starts[i + 1] = checked(starts[i] + matrix.Channels);
        }

        return starts;
    }

    private static IEnumerable<(int Matrix, int Begin, int End)> Blocks(ChannelMatrix[] matrices)
    {
        for (int i = 0; i < matrices.Length; i++)
        {
            for (int begin = 0; begin < matrices[i].Channels; begin += BlockLength)
            {
                yield return (i, begin, Math.Min(begin + BlockLength, matrices[i].Channels));
            }
        }
    }

    private void ForEachBlock(Action<int, GreedyGroups> body) => Parallel.For(
        0,
        _blocks.Length,
        _parallel,
        () => new GreedyGroups(_experts),
        (block, _, greedy) =>
        {
            body(block, greedy);
            return greedy;
        },
        _ => { });

    // Merge s of channel c, counted through all matrices, is number c (N - 1) + s.
    private (int[] Order, int Free) FindOrder()
    {
        int steps = _experts - 1;
        double[] keys = new double[checked(_starts[^1] * steps)];
        ForEachBlock((block, greedy) =>
        {
            (int index, int begin, int end) = _blocks[block];
            ChannelMatrix matrix = _matrices[index];
            for (int channel = begin; channel < end; channel++)
            {
                Span<double> costs = keys.AsSpan((_starts[index] + channel) * steps, steps);
                greedy.Begin(matrix.Gram(channel, _experts));
                int step = _experts - greedy.Count;
                costs[..step].Fill(Free);
                for (double last = 0; step < steps; step++)
                {
                    double cost = greedy.IsFinite ? greedy.MergeNext() / matrix.RowBytes : double.PositiveInfinity;
                    costs[step] = last = Math.Max(last, cost);
                }
            }
        });

        int[] order = new int[keys.Length];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(keys, order);
        SortTies(keys, order);
        int free = Array.FindIndex(keys, key => key != Free);
        return (order, free < 0 ? keys.Length : free);
    }

    private static void SortTies(double[] keys, int[] order)
    {
        for (int begin = 0; begin < keys.Length;)
        {
            int end = begin + 1;
            while (end < keys.Length && keys[end] == keys[begin])
            {
                end++;
            }

            order.AsSpan(begin, end - begin).Sort();
            begin = end;
        }
    }

    private byte[] GroupsWithin(long maxBytes)
    {
        byte[] groups = new byte[_starts[^1]];
        groups.AsSpan().Fill((byte)_experts);
        long bytes = FullBytes;
        for (int i = 0; i < _order.Length && (i < _freeMerges || bytes > maxBytes); i++)
        {
            int channel = _order[i] / (_experts - 1);
            int matrix = Array.BinarySearch(_starts, channel);
            groups[channel]--;
            bytes -= _matrices[matrix < 0 ? ~matrix - 1 : matrix].RowBytes;
        }

        return groups;
    }
}
