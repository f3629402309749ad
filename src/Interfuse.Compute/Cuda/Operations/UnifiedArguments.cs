using System.Runtime.InteropServices;

namespace Interfuse.Compute.Cuda;

/// <summary>Mirrors ElectUnifiedArguments of kernels/unified_arguments.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElectUnifiedArguments
{
    public ExpertMatricesArguments Matrices;
    public ulong Unified;
    public ulong Masks;
    public ulong Sums;
    public ulong NonFinite;
    public int UnifiedType;
    public int Reserved;
}
