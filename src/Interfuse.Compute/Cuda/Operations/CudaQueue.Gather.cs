using System.Numerics;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

/// <summary>Mirrors GatherArguments of kernels/gather_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GatherArguments
{
    public ulong Rows;
    public ulong Index;
    public ulong Destination;
    public long RowBytes;
    public long Count;
    public long PiecesPerRow;
    public int Unit;
    public int Reserved;
}

/// <summary>Mirrors GatherBatchArguments of kernels/gather_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct GatherBatchArguments
{
    public const int MaxRequests = 448;

    public ulong Rows;
    public ulong Index;
    public ulong Destination;
    public long RowBytes;
    public long PiecesPerRow;
    public int Count;
    public int Unit;
    public fixed long Places[MaxRequests];
}

public sealed partial class CudaQueue
{
    private const int GatherThreads = 256;
    private const int GatherWarps = GatherThreads / 32;
    private const int UnitsPerPiece = 128;

    /// <inheritdoc/>
    protected override void GatherCore(in GroupedBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        var arguments = new GatherArguments
        {
            Rows = Address(bank.Rows),
            Index = Address(bank.Index) + (ulong)(((expert * bank.Channels) + firstRow) * sizeof(int)),
            Destination = Address(destination),
            RowBytes = RowBytes(bank),
            Count = destination.Length / bank.Columns,
            Unit = GatherUnit(bank, destination),
        };
        arguments.PiecesPerRow = Quotient(arguments.RowBytes / arguments.Unit, UnitsPerPiece);
        Launch(
            "interfuse_gather", Quotient(arguments.Count * arguments.PiecesPerRow, GatherWarps), GatherThreads, arguments);
    }

    /// <inheritdoc/>
    protected override unsafe void GatherBatchCore(
        in GroupedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        var arguments = new GatherBatchArguments
        {
            Rows = Address(bank.Rows),
            Index = Address(bank.Index),
            Destination = Address(destination),
            RowBytes = RowBytes(bank),
            Unit = GatherUnit(bank, destination),
        };
        arguments.PiecesPerRow = Quotient(arguments.RowBytes / arguments.Unit, UnitsPerPiece);
        while (!requests.IsEmpty)
        {
            arguments.Count = Math.Min(requests.Length, GatherBatchArguments.MaxRequests);
            for (int request = 0; request < arguments.Count; request++)
            {
                arguments.Places[request] = (requests[request].Expert * bank.Channels) + requests[request].Row;
            }

            Launch(
                "interfuse_gather_batch", Quotient(arguments.Count * arguments.PiecesPerRow, GatherWarps), GatherThreads,
                arguments);
            arguments.Destination += (ulong)(arguments.Count * arguments.RowBytes);
            requests = requests[arguments.Count..];
        }
    }

    private static long RowBytes(in GroupedBank bank) => bank.Columns * bank.Rows.DType.Size();

    // The largest power of two, up to 16 bytes, that every row begins and ends at a multiple of, here and there.
    private static int GatherUnit(in GroupedBank bank, DeviceSpan destination)
    {
        ulong places = (ulong)RowBytes(bank) | Address(bank.Rows) | Address(destination);
        return 1 << Math.Min(BitOperations.TrailingZeroCount(places), 4);
    }

    private static long Quotient(long value, int divisor) => (value + divisor - 1) / divisor;
}
