using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

// The structs of kernels/bank_arguments.h; device pointers are ulong.

[StructLayout(LayoutKind.Sequential)]
internal struct SparseSource
{
    public ulong Dense;
    public ulong Starts;
    public ulong Places;
    public ulong Values;
    public long Channels;
    public long Columns;
    public int WidePlaces;
    public int Element;
}

[StructLayout(LayoutKind.Sequential)]
internal struct MaskedSource
{
    public ulong Base;
    public ulong Unified;
    public ulong Mask;
    public ulong Scales;
    public long Channels;
    public long Columns;
    public long WordsPerRow;
    public int DType;
    public int Aligned;
}

[StructLayout(LayoutKind.Sequential)]
internal struct RowRange
{
    public ulong Destination;
    public long FirstPlace;
    public long Count;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct RowBatch
{
    public const int MaxRequests = 448;

    public ulong Destination;
    public long Count;
    public fixed long Places[MaxRequests];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ProductBatch
{
    public ulong X;
    public ulong Y;
    public int XType;
    public int Batch;
    public int Aligned;
    public int Reserved;
    public fixed int Experts[DeviceQueue.MaxBatch];
    public fixed int Members[DeviceQueue.MaxBatch];
}

/// <summary>SparseRowsArguments, SparseBatchArguments and so on: what a bank is kept in, then what is wanted.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BankArguments<TSource, TWanted>
    where TSource : unmanaged
    where TWanted : unmanaged
{
    public TSource Source;
    public TWanted Wanted;
}
