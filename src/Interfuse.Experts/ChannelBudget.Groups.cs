using Interfuse.Compute;

namespace Interfuse.Experts;

public sealed partial class ChannelBudget
{
    private ChannelAllocation Build(byte[] groups, bool keepGreedy)
    {
        byte[][] assignments = [.. _matrices.Select(matrix => new byte[checked(matrix.Channels * _experts)])];
        var sums = new (double Total, double Lost, long Unmeasured)[_blocks.Length];
        ForEachBlock((block, greedy) =>
        {
            (int index, int begin, int end) = _blocks[block];
            Span<byte> found = stackalloc byte[_experts];
            for (int channel = begin; channel < end; channel++)
            {
                ReadOnlySpan<double> gram = _matrices[index].Gram(channel, _experts);
                int count = groups[_starts[index] + channel];
                double lost = Partition(gram, count, keepGreedy ? greedy : null, found);
                sums[block] = GreedyGroups.IsMeasured(gram, _experts)
                    ? (sums[block].Total + GreedyGroups.Total(gram, _experts), sums[block].Lost + lost, sums[block].Unmeasured)
                    : sums[block] with { Unmeasured = sums[block].Unmeasured + _experts - count };
                for (int expert = 0; expert < _experts; expert++)
                {
                    assignments[index][(expert * _matrices[index].Channels) + channel] = found[expert];
                }
            }
        });
        return Sum(groups, assignments, sums);
    }

    // The best partition into so many groups, or the greedy one where that is no worse.
    private double Partition(ReadOnlySpan<double> gram, int groups, GreedyGroups? greedy, Span<byte> found)
    {
        Span<byte> merged = stackalloc byte[_experts];
        double lost = double.PositiveInfinity;
        if (greedy is not null)
        {
            greedy.Begin(gram);
            while (greedy.Count > groups)
            {
                greedy.MergeNext();
            }

            greedy.Write(merged);
            lost = GreedyGroups.Lost(gram, merged);
            if (lost == 0 || !greedy.IsFinite)
            {
                merged.CopyTo(found);
                return lost;
            }
        }

        Span<double> full = stackalloc double[_experts * _experts];
        ChannelMatrix.Unpack(gram, _experts, full);
        ChannelPartition.Best(full, _experts, groups, ChannelSimilarity.Euclidean, found);
        double best = GreedyGroups.Lost(gram, found);
        if (best < lost || greedy is null)
        {
            return best;
        }

        merged.CopyTo(found);
        return lost;
    }

    private ChannelAllocation Sum(
        byte[] groups, byte[][] assignments, (double Total, double Lost, long Unmeasured)[] sums)
    {
        var matrices = new MatrixAllocation[_matrices.Length];
        for (int i = 0; i < matrices.Length; i++)
        {
            byte[] counts = groups[_starts[i].._starts[i + 1]];
            matrices[i] = new MatrixAllocation(assignments[i], counts, counts.Sum(count => (long)count), 0, 0);
        }

        for (int block = 0; block < sums.Length; block++)
        {
            MatrixAllocation matrix = matrices[_blocks[block].Matrix];
            matrices[_blocks[block].Matrix] = matrix with
            {
                TotalEnergy = matrix.TotalEnergy + sums[block].Total,
                LostEnergy = matrix.LostEnergy + sums[block].Lost,
            };
        }

        return new ChannelAllocation(
            matrices,
            matrices.Sum(matrix => matrix.Rows),
            matrices.Zip(_matrices, (matrix, source) => matrix.Rows * source.RowBytes).Sum(),
            matrices.Sum(matrix => matrix.TotalEnergy),
            matrices.Sum(matrix => matrix.LostEnergy),
            sums.Sum(sum => sum.Unmeasured));
    }
}
