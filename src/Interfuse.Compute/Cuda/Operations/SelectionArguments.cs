using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

// The structs of kernels/select_arguments.h, field by field; device pointers are ulong.

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectionPair(
    ulong Base, ulong Expert, long Length, int BaseDType, int ExpertDType);

/// <summary>
/// Two searches, low and high, for the value at a rank (0: the value is known), and what a sweep has counted relative
/// to their results.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct SelectionState
{
    public long LowRank;
    public long HighRank;
    public long LowEqual;
    public long HighEqual;
    public uint Low;
    public uint High;
    public long Above;
    public long AtHigh;
    public long Inside;
    public long AtLow;
}

/// <summary>Magnitudes from low to high; from the element TieEnd on those of exactly low are left out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectionRange(long TieEnd, uint Low, uint High);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectSampleArguments(SelectionPair Pair, ulong Sample, long Groups);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectDigitsArguments(
    ulong Values, ulong State, ulong Bins, long Count, int Shift, int BinCount);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectPickArguments(ulong State, ulong Bins, int Shift, int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectSweepArguments(
    SelectionPair Pair,
    ulong State,
    ulong Candidates,
    ulong CandidateTiles,
    ulong TilesAtLow,
    ulong TilesAtHigh,
    long Room,
    int Chunk,
    int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectTallyArguments(
    ulong Candidates, ulong CandidateTiles, ulong Tiles, long Count, uint Bits, int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectCountArguments(
    SelectionPair Pair, SelectionRange Range, ulong Chunks, ulong Tiles);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectScanArguments(ulong Chunks, ulong Offsets, long Count);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectWriteArguments(
    SelectionPair Pair,
    SelectionRange Range,
    ulong Offsets,
    ulong Values,
    ulong Indices,
    long Room,
    int ValueDType,
    int IndexBytes);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectLocateArguments(
    SelectionPair Pair,
    ulong Chunks,
    ulong Result,
    long Count,
    long Rank,
    long ChunkLength,
    uint Bits,
    int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SelectHistogramArguments(
    SelectionPair Pair, ulong Bins, uint Low, int Shift, int BinCount, int Chunk);
