namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private static readonly string[] ClusterKernels =
        ["interfuse_cluster_4", "interfuse_cluster_8", "interfuse_cluster_16"];

    /// <inheritdoc/>
    protected override void ClusterChannelsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies)
    {
        var arguments = new ClusterArguments
        {
            Matrices = Matrices(baseValues, experts, channels, IsAligned(bank)),
            Bank = Bank(bank, clustering.Lambda),
            Groups = Address(groups),
            Energies = Address(energies),
            GroupCount = clustering.Groups,
            Similarity = clustering.Similarity == ChannelSimilarity.Cosine ? 0 : 1,
        };
        (int warps, int stageBytes) = GramStages(arguments.Matrices);
        Launch(ClusterKernels[Capacity(experts.Length)], channels, warps * 32, arguments, warps * stageBytes);
    }
}
