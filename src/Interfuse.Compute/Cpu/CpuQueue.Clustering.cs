namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void ClusterChannelsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies) =>
        Run(
            new ClusterWork(
                new ExpertMatrices(Keep([baseValues, .. experts]), channels), clustering, bank, groups, energies),
            checked((int)channels));

    private readonly struct ClusterWork(
        ExpertMatrices matrices, ChannelClustering clustering, DeviceSpan bank, DeviceSpan groups, DeviceSpan energies)
        : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            int experts = matrices.Experts;
            Span<double> gram = stackalloc double[experts * experts];
            matrices.FillGram(workspace, part, gram);
            Span<byte> assignment = stackalloc byte[experts];
            ChannelPartition.Best(gram, experts, clustering.Groups, clustering.Similarity, assignment);
            for (int expert = 0; expert < experts; expert++)
            {
                Bytes(groups, (expert * matrices.Channels) + part, 1)[0] = assignment[expert];
            }

            (double total, double lost) = ChannelPartition.Energies(gram, experts, clustering.Groups, assignment);
            WriteDouble(total, energies, 2L * part);
            WriteDouble(lost, energies, (2L * part) + 1);

            // The channel's rows are read a second time, from the cache.
            Span<long> bankRows = stackalloc long[clustering.Groups];
            for (int group = 0; group < bankRows.Length; group++)
            {
                bankRows[group] = (group * matrices.Channels) + part;
            }

            matrices.WriteGroups(workspace, part, assignment, bankRows, clustering.Lambda, bank);
        }
    }
}
