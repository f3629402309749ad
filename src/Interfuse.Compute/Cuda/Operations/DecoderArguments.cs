using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

// The structs of kernels/matmul_arguments.h, decoder_arguments.h and attention_arguments.h; device pointers are ulong.

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct MatMulArguments(
    ulong Rows,
    ulong Index,
    ulong X,
    ulong Y,
    long Channels,
    long Columns,
    long Vectors,
    long YStride,
    int RowsType,
    int Aligned);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct RmsNormArguments(
    ulong X,
    ulong Weights,
    ulong Experts,
    ulong Y,
    long Columns,
    long RowsPerItem,
    float Epsilon,
    int Reserved = 0);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AddBiasArguments(
    ulong Y, ulong Bias, ulong Experts, long Columns, long RowsPerItem, long Parts);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct RotateArguments(ulong X, ulong Angles, long Half, long Pairs, long Parts);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct SwiGluArguments(
    ulong Gate, ulong Up, ulong Y, long Length, int Vectorized, int Reserved = 0);

/// <summary>Mirrors TokenPages.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct TokenPagesArguments(
    ulong Pages,
    ulong Sequences,
    ulong Positions,
    ulong Table,
    long PagesPerSequence,
    int Heads,
    int HeadLength);

[StructLayout(LayoutKind.Sequential)]
internal readonly record struct StoreKeyValuesArguments(
    TokenPagesArguments At, ulong Keys, ulong Values, long Tokens);

[StructLayout(LayoutKind.Sequential)]
internal record struct AttentionArguments
{
    public TokenPagesArguments At;
    public ulong Queries;
    public ulong Result;
    public ulong Scores;
    public ulong Greatest;
    public ulong Totals;
    public ulong Sums;
    public int Group;
    public int Window;
    public float Scale;
    public int Pages;
}
