using Interfuse.Checkpoints;

namespace Interfuse.Experts.Analysis;

/// <summary>Makes the size/energy curve from the Gram matrices of all channels.</summary>
internal static class CurveBuilder
{
    private const int FirstPercent = 30;
    private const int PercentStep = 5;

    // Enough for the first three digits. Of more channels a sample is taken: every point divides every channel's experts
    // anew, and a model of 7 billion parameters has more than a million channels.
    private const int MostChannels = 1 << 14;

    public static SizeCurve Build(
        IEnumerable<ComparedTensor> tensors, int experts, int threads, CancellationToken cancellation)
    {
        ChannelMatrix[] matrices = [.. tensors.Where(tensor => tensor.IsProjection).Select(tensor => new ChannelMatrix(
            tensor.Units, (long)tensor.UnitLength * tensor.Models[0].DType.Size(), tensor.Grams))];
        if (matrices.Length == 0)
        {
            return new SizeCurve(0, 0, 0, [], []);
        }

        long channels = matrices.Sum(matrix => (long)matrix.Channels);
        int step = (int)((channels + MostChannels - 1) / MostChannels);
        var scales = new ExpertScales(matrices, experts);
        ChannelMatrix[] sample = [.. matrices.Select(matrix => scales.Scale(matrix, step))];
        var budget = new ChannelBudget(sample, experts, threads, cancellation);
        long full = budget.FullBytes;
        CurvePoint[] equal = [.. Enumerable.Range(1, experts).Select(groups =>
            Point(budget.Fixed(groups), groups, (double)groups / experts, full))];

        // Also at the sizes of a fixed number of groups, so that the two can be compared there.
        IEnumerable<long> budgets = Enumerable.Range(1, experts).Select(groups => budget.LeastBytes * groups);
        for (int percent = FirstPercent; percent <= 100; percent += PercentStep)
        {
            budgets = budgets.Append((long)(full * (decimal)percent / 100));
        }

        return new SizeCurve(
            matrices.Sum(matrix => checked(matrix.RowBytes * matrix.Channels * experts)),
            channels,
            sample.Sum(matrix => (long)matrix.Channels),
            equal,
            [.. budgets.Where(bytes => bytes >= budget.LeastBytes).Distinct().Order()
                .Select(bytes => Point(budget.Allocate(bytes), null, (double)bytes / full, full))]);
    }

    private static CurvePoint Point(ChannelAllocation allocation, int? groups, double target, long fullBytes) => new(
        groups,
        target,
        (double)allocation.Bytes / fullBytes,
        allocation.TotalEnergy > 0 ? Math.Max(0, 1 - (allocation.LostEnergy / allocation.TotalEnergy)) : 1);
}
