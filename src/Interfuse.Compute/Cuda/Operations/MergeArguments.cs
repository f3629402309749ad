using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

// The structs of kernels/merge_arguments.h, field by field; device pointers are ulong.

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct ConvertArguments(
    ulong Source,
    ulong Destination,
    long Length,
    ulong NonFinite,
    int SourceDType,
    int DestinationDType,
    int Vectorized,
    int Reserved = 0);

/// <summary>One place for each input that an operation takes besides the base.</summary>
[InlineArray(Length)]
internal struct PerExpert<T>
    where T : unmanaged
{
    /// <summary>The most experts of one operation.</summary>
    public const int Length = 16;

    private T _first;
}

[StructLayout(LayoutKind.Sequential)]
internal struct LinearCombinationArguments
{
    public PerExpert<ulong> Inputs;
    public ulong Destination;
    public long Length;
    public ulong NonFinite;
    public PerExpert<float> Weights;
    public PerExpert<int> DTypes;
    public int Count;
    public int DestinationDType;
    public int Vectorized;
    public int Reserved;
}

/// <summary>What a task term has: <see cref="TaskTermArguments.Flags"/>.</summary>
[Flags]
internal enum TaskTermFlags
{
    None = 0,
    Trims = 1,
    Drops = 2,
    Rescales = 4,
}

[StructLayout(LayoutKind.Sequential)]
internal record struct TaskTermArguments
{
    public ulong Expert;
    public long TieEnd;
    public ulong Seed;
    public ulong Stream;
    public float Weight;
    public float Scale;
    public uint ThresholdBits;
    public uint KeepBelow;
    public int DType;
    public TaskTermFlags Flags;

    /// <summary>Whether kernels may trim by comparing floats.</summary>
    public readonly bool IsFinite => !Flags.HasFlag(TaskTermFlags.Trims) || ThresholdBits < 0x7F80_0000;
}

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TaskVectorArguments(
    ulong Base,
    ulong Destination,
    long Length,
    ulong NonFinite,
    TaskTermArguments Term,
    int BaseDType,
    int DestinationDType,
    int Vectorized,
    int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal struct MergeArguments
{
    public ulong Base;
    public ulong Destination;
    public long Length;
    public long FirstElement;
    public ulong NonFinite;
    public PerExpert<TaskTermArguments> Terms;
    public int Count;
    public int BaseDType;
    public int DestinationDType;
    public int Vectorized;
    public float Lambda;
    public float Divisor;
    public int Normalize;
    public float Undecided;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ConflictArguments
{
    public ulong Base;
    public long Length;
    public ulong Counts;
    public PerExpert<TaskTermArguments> Terms;
    public int Count;
    public int BaseDType;
}

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct DotArguments(
    ulong A, ulong B, long Length, ulong Tiles, int ADType, int BDType, int Vectorized, int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MagnitudeSumsArguments(
    ulong Base, long Length, long FirstElement, ulong Tiles, TaskTermArguments Term, int BaseDType, int Vectorized);
