namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    // A row whose length is a multiple of so many elements begins at a multiple of 16 bytes, like the row before it.
    private const int WholeStep = 8;
    private const int MaxClusterWarps = 4;

    // By the capacity.
    private static readonly string[] GramKernels =
        ["interfuse_channel_grams_4", "interfuse_channel_grams_8", "interfuse_channel_grams_16"];

    private static readonly string[] MergeGroupsKernels =
        ["interfuse_merge_groups_4", "interfuse_merge_groups_8", "interfuse_merge_groups_16"];

    /// <inheritdoc/>
    protected override void ChannelGramsCore(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, DeviceSpan grams)
    {
        var arguments = new ChannelGramsArguments
        {
            Matrices = Matrices(baseValues, experts, channels, isBankAligned: true),
            Grams = Address(grams),
        };
        (int warps, int stageBytes) = GramStages(arguments.Matrices);
        Launch(GramKernels[Capacity(experts.Length)], channels, warps * 32, arguments, warps * stageBytes);
    }

    /// <inheritdoc/>
    protected override void MergeGroupsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        float lambda,
        DeviceSpan table,
        DeviceSpan bank)
    {
        var arguments = new MergeGroupsArguments
        {
            Matrices = Matrices(baseValues, experts, channels, IsAligned(bank)),
            Bank = Bank(bank, lambda),
            Table = Address(table),
        };
        long warps = (arguments.Matrices.Columns + (32 * WholeStep) - 1) / (32 * WholeStep);
        Launch(
            MergeGroupsKernels[Capacity(experts.Length)], channels, 32 * (int)Math.Min(warps, MaxClusterWarps),
            arguments);
    }

    private static unsafe ExpertMatricesArguments Matrices(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, bool isBankAligned)
    {
        var matrices = new ExpertMatricesArguments
        {
            Base = Address(baseValues),
            Channels = channels,
            Columns = baseValues.Length / channels,
            BaseType = Code(baseValues.DType),
            ExpertCount = experts.Length,
        };
        bool aligned = matrices.Columns % WholeStep == 0 && IsAligned(baseValues) && isBankAligned;
        for (int expert = 0; expert < experts.Length; expert++)
        {
            matrices.Experts[expert] = Address(experts[expert]);
            matrices.ExpertTypes[expert] = Code(experts[expert].DType);
            aligned &= IsAligned(experts[expert]);
        }

        matrices.Aligned = aligned ? 1 : 0;
        return matrices;
    }

    private static bool IsAligned(DeviceSpan span) => Address(span) % 16 == 0;

    private GroupBankArguments Bank(DeviceSpan bank, float lambda) => new()
    {
        Rows = Address(bank),
        NonFinite = NonFiniteCounter,
        BankType = Code(bank.DType),
        Lambda = lambda,
    };

    // Which of the kernels for up to 4, 8 and 16 experts.
    private static int Capacity(int experts) => experts <= 4 ? 0 : experts <= 8 ? 1 : 2;

    // A warp sums two blocks of 1024 elements; beyond 8 experts four warps share them. The bytes are those of
    // GramStage.
    private static (int Warps, int StageBytes) GramStages(in ExpertMatricesArguments matrices)
    {
        long pairs = (matrices.Columns + (2 * TileGrid.BlockLength) - 1) / (2 * TileGrid.BlockLength);
        int warps = (int)Math.Min(pairs, MaxClusterWarps);
        return Capacity(matrices.ExpertCount) switch
        {
            0 => (warps, 4224),
            1 => (warps, 8320),
            _ => (MaxClusterWarps, 8320),
        };
    }
}
