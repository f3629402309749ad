using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>Mirrors GatherMultiplyArguments of kernels/gather_multiply_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GatherMultiplyArguments
{
    public ulong Rows;
    public ulong Index;
    public ulong X;
    public ulong Y;
    public long Channels;
    public long Columns;
    public int RowsType;
    public int XType;
    public int Batch;
    public int Aligned;
    public fixed int Experts[DeviceQueue.MaxBatch];
}

public sealed partial class CudaQueue
{
    private const int MultiplyWarps = 4;
    private const int MultiplyChannels = 2;

    /// <inheritdoc/>
    protected override unsafe void GatherMultiplyCore(
        in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        bool aligned = bank.Columns % WholeStep == 0 && IsAligned(bank.Rows) && IsAligned(x);
        var arguments = new GatherMultiplyArguments
        {
            Rows = Address(bank.Rows),
            Index = Address(bank.Index),
            X = Address(x),
            Y = Address(y),
            Channels = bank.Channels,
            Columns = bank.Columns,
            RowsType = Code(bank.Rows.DType),
            XType = Code(x.DType),
            Batch = experts.Length,
            Aligned = aligned ? 1 : 0,
        };
        experts.CopyTo(new Span<int>(arguments.Experts, MaxBatch));

        // As in the kernel: each warp does a few members of the batch, two warps of a block the same channels.
        (string kernel, int members) = experts.Length switch
        {
            1 => ("interfuse_gather_multiply_1", 1),
            2 => ("interfuse_gather_multiply_2", 2),
            _ => ("interfuse_gather_multiply_4", 4),
        };
        long memberGroups = Quotient(experts.Length, members);
        int sideBySide = memberGroups < 2 ? 1 : 2;
        long channelBlocks = Quotient(bank.Channels, MultiplyWarps / sideBySide * MultiplyChannels);
        Launch(
            kernel, channelBlocks * Quotient(memberGroups, sideBySide), MultiplyWarps * 32,
            arguments);
    }
}
