using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

public static partial class KernelBenchmarks
{
    private static IEnumerable<KernelBenchmark> OfChannels() =>
    [
        ClusterChannels(experts: 4, groups: 2),
        ClusterChannels(experts: 8, groups: 3),
        ChannelGrams(experts: 4),
        ChannelGrams(experts: 8),
        ChannelGrams(experts: 16),
        MergeGroups(experts: 4, groups: 1),
        MergeGroups(experts: 4, groups: 2),
        MergeGroups(experts: 4, groups: 4),
        MergeGroups(experts: 8, groups: 3),
        MergeGroups(experts: 16, groups: 4),
        ElectUnified(experts: 4),
        ElectUnified(experts: 8),
    ];

    private static KernelBenchmark ClusterChannels(int experts, int groups)
    {
        var clustering = new ChannelClustering(groups);
        return OfChannels(
            "cluster-channels",
            $"{experts} experts, {groups} groups",
            experts,
            givenGroups: 0,
            columns => [new(Stored, groups, columns), new(DType.UInt8, experts, 1), new(DType.Float64, 1, 2)],
            (queue, x) => queue.ClusterChannels(
                x.Base, x.Experts, x.Channels, clustering, x.Results[0], x.Results[1], x.Results[2]));
    }

    private static KernelBenchmark ChannelGrams(int experts) => OfChannels(
        "channel-grams",
        $"{experts} experts",
        experts,
        givenGroups: 0,
        _ => [new(DType.Float64, 1, experts * experts)],
        (queue, x) => queue.ChannelGrams(x.Base, x.Experts, x.Channels, x.Results[0]));

    private static KernelBenchmark MergeGroups(int experts, int groups) => OfChannels(
        "merge-groups",
        $"{experts} experts, {groups} {(groups == 1 ? "group" : "groups")}",
        experts,
        groups,
        columns => [new(Stored, groups, columns)],
        (queue, x) => queue.MergeGroups(x.Base, x.Experts, x.Channels, lambda: 0.9f, x.Table!.Value, x.Results[0]));

    private static KernelBenchmark ElectUnified(int experts) => OfChannels(
        "elect-unified",
        $"{experts} experts",
        experts,
        givenGroups: 0,
        columns =>
        [
            new(Stored, 1, columns),
            new(DType.UInt32, experts, MaskedBank.Words(columns)),
            new(DType.Float64, 1, experts * AgreementSums.Count),
        ],
        (queue, x) => queue.ElectUnified(x.Base, x.Experts, x.Channels, x.Results[0], x.Results[1], x.Results[2]));

    private static KernelBenchmark OfChannels(
        string operation,
        string variant,
        int experts,
        int givenGroups,
        Func<long, ChannelResult[]> results,
        ChannelOperation run) =>
        new(operation, variant, (tensors, elements) =>
        {
            MatrixShape shape = MatrixShape.Of(elements);
            return new ChannelCase(tensors, shape, experts, givenGroups, results(shape.Columns), run);
        });
}
