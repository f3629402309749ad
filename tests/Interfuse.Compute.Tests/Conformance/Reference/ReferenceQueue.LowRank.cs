namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    protected override void GatherCore(in LowRankBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        for (long row = 0; row < destination.Length / bank.Columns; row++)
        {
            MakeRow(bank, expert, firstRow + row, destination.Slice(row * bank.Columns, bank.Columns));
        }
    }

    protected override void GatherBatchCore(
        in LowRankBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        for (int request = 0; request < requests.Length; request++)
        {
            DeviceSpan room = destination.Slice(request * bank.Columns, bank.Columns);
            (int expert, long row) = requests[request];
            if (expert < 0)
            {
                CopyCore(bank.Shared.Slice(row * bank.Columns, bank.Columns), room);
            }
            else
            {
                MakeRow(bank, expert, row, room);
            }
        }
    }

    // Element j: shared[i, j], then fma(left[e, i, k], right[e, k, j], sum) for each k in order, rounded once.
    private static void MakeRow(in LowRankBank bank, int expert, long row, DeviceSpan room)
    {
        float[] sums = Widened(bank.Shared.Slice(row * bank.Columns, bank.Columns));
        float[] left = Widened(bank.Left.Slice(((expert * bank.Channels) + row) * bank.Rank, bank.Rank));
        for (int k = 0; k < bank.Rank; k++)
        {
            float[] right = Widened(bank.Right.Slice((((long)expert * bank.Rank) + k) * bank.Columns, bank.Columns));
            for (int j = 0; j < sums.Length; j++)
            {
                sums[j] = MathF.FusedMultiplyAdd(left[k], right[j], sums[j]);
            }
        }

        _ = Write(sums, room);
    }
}
