using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>Mirrors LowRankSource of kernels/low_rank_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LowRankSource
{
    public ulong Shared;
    public ulong Left;
    public ulong Right;
    public ulong Destination;
    public long Channels;
    public long Columns;
    public int Rank;
    public int DType;
    public int Vectorized;
    public int Reserved;
}

/// <summary>Mirrors LowRankRowsArguments of kernels/low_rank_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LowRankRowsArguments
{
    public LowRankSource Source;
    public long FirstPlace;
    public long Count;
}

/// <summary>Mirrors LowRankBatchArguments of kernels/low_rank_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LowRankBatchArguments
{
    public const int MaxRequests = 448;

    public LowRankSource Source;
    public long Count;
    public fixed long Places[MaxRequests];
}

public sealed partial class CudaQueue
{
    private const int LowRankThreads = 256;

    // Rows of which a thread makes the same columns, so that what it reads of the right factor serves them all.
    private const int LowRankRowsPerThread = 4;

    /// <inheritdoc/>
    protected override void GatherCore(in LowRankBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        var arguments = new LowRankRowsArguments
        {
            Source = Source(bank, destination),
            FirstPlace = (expert * bank.Channels) + firstRow,
            Count = destination.Length / bank.Columns,
        };
        LaunchLowRank("interfuse_low_rank_rows", Quotient(arguments.Count, LowRankRowsPerThread), bank.Columns, arguments);
    }

    /// <inheritdoc/>
    protected override unsafe void GatherBatchCore(
        in LowRankBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        var arguments = new LowRankBatchArguments { Source = Source(bank, destination) };
        while (!requests.IsEmpty)
        {
            arguments.Count = Math.Min(requests.Length, LowRankBatchArguments.MaxRequests);
            for (int request = 0; request < arguments.Count; request++)
            {
                (int expert, long row) = requests[request];
                arguments.Places[request] = expert == LowRankBank.SharedOnly ? ~row : (expert * bank.Channels) + row;
            }

            LaunchLowRank("interfuse_low_rank_batch", arguments.Count, bank.Columns, arguments);
            arguments.Source.Destination +=
                (ulong)(destination.ByteLength / (destination.Length / bank.Columns) * arguments.Count);
            requests = requests[(int)arguments.Count..];
        }
    }

    private static LowRankSource Source(in LowRankBank bank, DeviceSpan destination) => new()
    {
        Shared = Address(bank.Shared),
        Left = Address(bank.Left),
        Right = Address(bank.Right),
        Destination = Address(destination),
        Channels = bank.Channels,
        Columns = bank.Columns,
        Rank = bank.Rank,
        DType = Code(bank.Shared.DType),
        Vectorized = bank.Columns % WholeStep == 0 && AreAligned(bank.Shared, bank.Right, destination) ? 1 : 0,
    };

    private void LaunchLowRank<TArguments>(string kernel, long rowGroups, long columns, in TArguments arguments)
        where TArguments : unmanaged =>
        Launch(kernel, Quotient(rowGroups * Quotient(columns, WholeStep), LowRankThreads), LowRankThreads, arguments);
}
