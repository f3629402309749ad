using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

// The arguments of kernels/cluster_arguments.h.

/// <summary>Mirrors ExpertMatrices.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ExpertMatricesArguments
{
    public ulong Base;
    public fixed ulong Experts[ChannelPartition.MaxExperts];
    public long Channels;
    public long Columns;
    public int BaseType;
    public fixed int ExpertTypes[ChannelPartition.MaxExperts];
    public int ExpertCount;
    public int Aligned;
    public int Reserved;
}

/// <summary>Mirrors GroupBank.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct GroupBankArguments
{
    public ulong Rows;
    public ulong NonFinite;
    public int BankType;
    public float Lambda;
}

/// <summary>Mirrors ClusterArguments.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ClusterArguments
{
    public ExpertMatricesArguments Matrices;
    public GroupBankArguments Bank;
    public ulong Groups;
    public ulong Energies;
    public int GroupCount;
    public int Similarity;
}

/// <summary>Mirrors ChannelGramsArguments.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ChannelGramsArguments
{
    public ExpertMatricesArguments Matrices;
    public ulong Grams;
}

/// <summary>Mirrors MergeGroupsArguments.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MergeGroupsArguments
{
    public ExpertMatricesArguments Matrices;
    public GroupBankArguments Bank;
    public ulong Table;
}
