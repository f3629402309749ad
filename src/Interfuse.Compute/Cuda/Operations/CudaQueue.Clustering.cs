using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>Mirrors ClusterArguments of kernels/cluster_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ClusterArguments
{
    public ulong Base;
    public fixed ulong Experts[ChannelPartition.MaxExperts];
    public ulong Bank;
    public ulong Groups;
    public ulong Energies;
    public ulong NonFinite;
    public long Channels;
    public long Columns;
    public int BaseType;
    public fixed int ExpertTypes[ChannelPartition.MaxExperts];
    public int BankType;
    public int ExpertCount;
    public int GroupCount;
    public int Similarity;
    public float Lambda;
    public int Aligned;
    public int Reserved;
}

public sealed partial class CudaQueue
{
    // A row whose length is a multiple of so many elements begins at a multiple of 16 bytes, like the row before it.
    private const int WholeStep = 8;
    private const int MaxClusterWarps = 4;

    /// <inheritdoc/>
    protected override unsafe void ClusterChannelsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies)
    {
        long columns = baseValues.Length / channels;
        var arguments = new ClusterArguments
        {
            Base = Address(baseValues),
            Bank = Address(bank),
            Groups = Address(groups),
            Energies = Address(energies),
            NonFinite = NonFiniteCounter,
            Channels = channels,
            Columns = columns,
            BaseType = Code(baseValues.DType),
            BankType = Code(bank.DType),
            ExpertCount = experts.Length,
            GroupCount = clustering.Groups,
            Similarity = clustering.Similarity == ChannelSimilarity.Cosine ? 0 : 1,
            Lambda = clustering.Lambda,
        };
        bool aligned = columns % WholeStep == 0 && IsAligned(baseValues) && IsAligned(bank);
        for (int expert = 0; expert < experts.Length; expert++)
        {
            arguments.Experts[expert] = Address(experts[expert]);
            arguments.ExpertTypes[expert] = Code(experts[expert].DType);
            aligned &= IsAligned(experts[expert]);
        }

        arguments.Aligned = aligned ? 1 : 0;
        (string kernel, int warps, int stageBytes) = ClusterKernel(experts.Length, columns);
        Launch(kernel, channels, warps * 32, arguments, warps * stageBytes);
    }

    private static bool IsAligned(DeviceSpan span) => Address(span) % 16 == 0;

    // A warp sums two blocks of 1024 elements; beyond 8 experts four warps share them. The bytes are those of
    // GramStage.
    private static (string Kernel, int Warps, int StageBytes) ClusterKernel(int experts, long columns)
    {
        long pairs = (columns + (2 * TileGrid.BlockLength) - 1) / (2 * TileGrid.BlockLength);
        int warps = (int)Math.Min(pairs, MaxClusterWarps);
        return experts switch
        {
            <= 4 => ("interfuse_cluster_4", warps, 4224),
            <= ChannelPartition.MaxExactExperts => ("interfuse_cluster_8", warps, 8320),
            _ => ("interfuse_cluster_16", MaxClusterWarps, 8320),
        };
    }
}
