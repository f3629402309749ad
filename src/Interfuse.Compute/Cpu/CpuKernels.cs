using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Compute;

/// <summary>
/// The engine's kernels on a CPU. Each works on one block of float32 values, up to about a thousand, that the caller
/// keeps in the first-level cache: widen the inputs' block, compute, narrow the result.
/// </summary>
/// <remarks>
/// <para>
/// Every path, and every device, gives the same bits: float32 arithmetic with one rounding (to nearest even) per
/// operation, no fused multiply-add, sums over inputs in the order of the inputs, sums over elements in one canonical
/// order. Only the payload of a NaN is open, until <see cref="Narrow"/> makes it canonical.
/// </para>
/// <para>
/// <b>Lengths</b>: all spans of a call hold the same number of elements, unless said otherwise. <b>Overlap</b>: a
/// destination is identical to a source or disjoint from all of them. Both are checked, and an
/// <see cref="ArgumentException"/> says what is wrong.
/// </para>
/// <para>
/// <b>Magnitude bits</b> of a delta (expert minus base, one rounding) are its float32 bits without the sign, for
/// every NaN <see cref="TopKThreshold.NanBits"/>. As integers they are ordered as the magnitudes are, with NaN above
/// infinity.
/// </para>
/// <para>Stateless, so one instance serves any number of threads.</para>
/// </remarks>
public sealed partial class CpuKernels
{
    private const string PathVariable = "INTERFUSE_CPU_PATH";

    /// <summary>Kernels for one path; any path runs on any machine, if slowly.</summary>
    public CpuKernels(CpuPath path)
    {
        if (!Enum.IsDefined(path))
        {
            throw new ArgumentOutOfRangeException(nameof(path), path, "There is no such path.");
        }

        Path = path;
    }

    /// <summary>Kernels for <see cref="BestPath"/>.</summary>
    /// <exception cref="InterfuseException">INTERFUSE_CPU_PATH names no path.</exception>
    public CpuKernels()
        : this(BestPath)
    {
    }

    /// <summary>
    /// The widest path that the machine accelerates, or the one that the environment variable INTERFUSE_CPU_PATH
    /// forces: <c>scalar</c>, <c>128</c>, <c>256</c> or <c>512</c>.
    /// </summary>
    /// <exception cref="InterfuseException">INTERFUSE_CPU_PATH names no path.</exception>
    public static CpuPath BestPath => Environment.GetEnvironmentVariable(PathVariable) switch
    {
        null or "" => WidestPath,
        "scalar" => CpuPath.Scalar,
        "128" => CpuPath.Vector128,
        "256" => CpuPath.Vector256,
        "512" => CpuPath.Vector512,
        string unknown => throw new InterfuseException(
            $"The environment variable {PathVariable} is '{unknown}'; set it to scalar, 128, 256 or 512, or unset it."),
    };

    /// <summary>The path these kernels take.</summary>
    public CpuPath Path { get; }

    // Avx512F besides: on processors that clock down for wide vectors (Skylake, Cascade Lake) .NET denies acceleration,
    // but these kernels run 1.3 to 2 times faster by 512 bits there (benchmarks/Interfuse.Benchmarks/Kernels).
    private static CpuPath WidestPath =>
        Vector512.IsHardwareAccelerated || Avx512F.IsSupported ? CpuPath.Vector512
        : Vector256.IsHardwareAccelerated ? CpuPath.Vector256
        : Vector128.IsHardwareAccelerated ? CpuPath.Vector128
        : CpuPath.Scalar;

    // Bytes; the widest path's vectors fill one.
    private const int CacheLine = 64;

    /// <summary>Whether memory begins where a vector of any path may be stored past the caches.</summary>
    internal static unsafe bool IsAligned(ReadOnlySpan<byte> stored) =>
        (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(stored)) % CacheLine == 0;

    // The one place where a path becomes code: whole vectors first, then single elements.
    private void Launch<TKernel>(ref TKernel kernel, int length)
        where TKernel : struct, IKernel, allows ref struct
    {
        nuint end = (nuint)length;
        nuint next = Path switch
        {
            CpuPath.Vector512 => Sweep<TKernel, Lanes512, Vector512<float>, Vector512<uint>>(ref kernel, 0, end),
            CpuPath.Vector256 => Sweep<TKernel, Lanes256, Vector256<float>, Vector256<uint>>(ref kernel, 0, end),
            CpuPath.Vector128 => Sweep<TKernel, Lanes128, Vector128<float>, Vector128<uint>>(ref kernel, 0, end),
            _ => 0,
        };
        Sweep<TKernel, Lanes1, float, uint>(ref kernel, next, end);
    }

    // The same by pairs of vectors, which is the fastest for stored bfloat16 values.
    private void LaunchPairs<TKernel>(ref TKernel kernel, int length)
        where TKernel : struct, IKernel, allows ref struct
    {
        nuint end = (nuint)length;
        nuint next = Path switch
        {
            CpuPath.Vector512 => SweepPairs<TKernel, Lanes512, Vector512<float>, Vector512<uint>>(ref kernel, end),
            CpuPath.Vector256 => SweepPairs<TKernel, Lanes256, Vector256<float>, Vector256<uint>>(ref kernel, end),
            CpuPath.Vector128 => SweepPairs<TKernel, Lanes128, Vector128<float>, Vector128<uint>>(ref kernel, end),
            _ => 0,
        };
        Sweep<TKernel, Lanes1, float, uint>(ref kernel, next, end);
    }

    // The same, where two steps at a time fit the registers: the widest path has twice as many.
    private void LaunchStagedPairs<TKernel>(ref TKernel kernel, int length)
        where TKernel : struct, IStagedKernel, allows ref struct
    {
        if (Path == CpuPath.Vector512)
        {
            nuint end = (nuint)length;
            nuint next = SweepStaged<
                TKernel, PairLanes<Lanes512, Vector512<float>, Vector512<uint>>, Pair<Vector512<float>>,
                Pair<Vector512<uint>>>(ref kernel, end);
            Sweep<TKernel, Lanes1, float, uint>(ref kernel, next, end);
        }
        else
        {
            LaunchPairs(ref kernel, length);
        }
    }

    private static nuint SweepPairs<TKernel, TLanes, TFloat, TBits>(ref TKernel kernel, nuint end)
        where TKernel : struct, IKernel, allows ref struct
        where TLanes : struct, ILanes<TFloat, TBits>, IPairable<TBits> =>
        Sweep<TKernel, PairLanes<TLanes, TFloat, TBits>, Pair<TFloat>, Pair<TBits>>(ref kernel, 0, end);

    // Compiled once and fully: what tiering learns in a kernel's first blocks makes worse code of the inlined steps.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static nuint Sweep<TKernel, TLanes, TFloat, TBits>(ref TKernel kernel, nuint start, nuint end)
        where TKernel : struct, IKernel, allows ref struct
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        // A copy whose address nobody takes: its fields can live in registers.
        TKernel local = kernel;
        nuint index = start;
        for (; index + (nuint)TLanes.Count <= end; index += (nuint)TLanes.Count)
        {
            local.Step<TLanes, TFloat, TBits>(index);
        }

        kernel = local;
        return index;
    }

    // One place for each stage, or the JIT would inline neither. So the first round ends nothing, and the last one
    // begins the last step again. In AMD Zen 5's caches an election of four experts takes 38 cycles for 32 elements
    // and 41 in one stage; with random drop 46 in place of 54, besides the drawing.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static nuint SweepStaged<TKernel, TLanes, TFloat, TBits>(ref TKernel kernel, nuint end)
        where TKernel : struct, IStagedKernel, allows ref struct
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        nuint count = (nuint)TLanes.Count;
        nuint whole = end - (end % count);
        if (whole == 0)
        {
            return 0;
        }

        TKernel local = kernel;
        TFloat first = TLanes.Broadcast(0f);
        TFloat second = first;
        TFloat third = first;
        TFloat fourth = first;
        for (nuint index = 0; index <= whole; index += count)
        {
            local.Begin<TLanes, TFloat, TBits>(
                nuint.Min(index, whole - count), out TFloat nextFirst, out TFloat nextSecond, out TFloat nextThird,
                out TFloat nextFourth);
            if (index != 0)
            {
                local.End<TLanes, TFloat, TBits>(index - count, first, second, third, fourth);
            }

            first = nextFirst;
            second = nextSecond;
            third = nextThird;
            fourth = nextFourth;
        }

        kernel = local;
        return whole;
    }
}
