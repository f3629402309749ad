using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>The rows of a matrix that a tile of a matrix product has.</summary>
    internal const int TileRows = 6;

    /// <summary>The vectors that a tile of a matrix product takes at once: as many as two registers have lanes.</summary>
    internal int PanelWidth => 2 * Path switch
    {
        CpuPath.Vector512 => Lanes512.Count,
        CpuPath.Vector256 => Lanes256.Count,
        CpuPath.Vector128 => Lanes128.Count,
        _ => Lanes1.Count,
    };

    /// <summary>
    /// Adds to a tile of sums: <c>sums[r, t] = fma(weights[r, k], panel[k, t], sums[r, t])</c> for each k in order.
    /// </summary>
    /// <param name="weights"><see cref="TileRows"/> rows, the first elements of which are taken.</param>
    /// <param name="stride">From one row's first element to the next one's.</param>
    /// <param name="panel">[count, <see cref="PanelWidth"/>].</param>
    /// <param name="sums">[<see cref="TileRows"/>, <see cref="PanelWidth"/>].</param>
    internal void AddTile(ReadOnlySpan<float> weights, int stride, ReadOnlySpan<float> panel, Span<float> sums)
    {
        int count = panel.Length / PanelWidth;
        CheckLength(sums.Length, TileRows * PanelWidth, nameof(sums));
        CheckLength(panel.Length, count * PanelWidth, nameof(panel));
        if (count > stride || weights.Length < ((TileRows - 1) * stride) + count)
        {
            throw new ArgumentException($"There are no {TileRows} rows of {count}.", nameof(weights));
        }

        ref readonly float w = ref MemoryMarshal.GetReference(weights);
        ref readonly float x = ref MemoryMarshal.GetReference(panel);
        ref float s = ref MemoryMarshal.GetReference(sums);
        switch (Path)
        {
            case CpuPath.Vector512:
                AddTile<Lanes512, Vector512<float>, Vector512<uint>>(in w, (nuint)stride, in x, (nuint)count, ref s);
                break;
            case CpuPath.Vector256:
                AddTile<Lanes256, Vector256<float>, Vector256<uint>>(in w, (nuint)stride, in x, (nuint)count, ref s);
                break;
            case CpuPath.Vector128:
                AddTile<Lanes128, Vector128<float>, Vector128<uint>>(in w, (nuint)stride, in x, (nuint)count, ref s);
                break;
            default:
                AddTile<Lanes1, float, uint>(in w, (nuint)stride, in x, (nuint)count, ref s);
                break;
        }
    }

    // Twelve sums in registers: enough that no fused step waits for the one before, and few enough for 16 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void AddTile<TLanes, TFloat, TBits>(
        ref readonly float w, nuint stride, ref readonly float x, nuint count, ref float sums)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        nuint lanes = (nuint)TLanes.Count;
        TFloat sum00 = TLanes.Load(in sums, 0);
        TFloat sum01 = TLanes.Load(in sums, lanes);
        TFloat sum10 = TLanes.Load(in sums, 2 * lanes);
        TFloat sum11 = TLanes.Load(in sums, 3 * lanes);
        TFloat sum20 = TLanes.Load(in sums, 4 * lanes);
        TFloat sum21 = TLanes.Load(in sums, 5 * lanes);
        TFloat sum30 = TLanes.Load(in sums, 6 * lanes);
        TFloat sum31 = TLanes.Load(in sums, 7 * lanes);
        TFloat sum40 = TLanes.Load(in sums, 8 * lanes);
        TFloat sum41 = TLanes.Load(in sums, 9 * lanes);
        TFloat sum50 = TLanes.Load(in sums, 10 * lanes);
        TFloat sum51 = TLanes.Load(in sums, 11 * lanes);
        ref readonly float w0 = ref w;
        ref readonly float w1 = ref Unsafe.Add(ref Unsafe.AsRef(in w), stride);
        ref readonly float w2 = ref Unsafe.Add(ref Unsafe.AsRef(in w), 2 * stride);
        ref readonly float w3 = ref Unsafe.Add(ref Unsafe.AsRef(in w), 3 * stride);
        ref readonly float w4 = ref Unsafe.Add(ref Unsafe.AsRef(in w), 4 * stride);
        ref readonly float w5 = ref Unsafe.Add(ref Unsafe.AsRef(in w), 5 * stride);
        for (nuint k = 0; k < count; k++)
        {
            TFloat x0 = TLanes.Load(in x, k * 2 * lanes);
            TFloat x1 = TLanes.Load(in x, (k * 2 * lanes) + lanes);
            TFloat weight = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in w0), k));
            sum00 = TLanes.FusedMultiplyAdd(weight, x0, sum00);
            sum01 = TLanes.FusedMultiplyAdd(weight, x1, sum01);
            weight = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in w1), k));
            sum10 = TLanes.FusedMultiplyAdd(weight, x0, sum10);
            sum11 = TLanes.FusedMultiplyAdd(weight, x1, sum11);
            weight = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in w2), k));
            sum20 = TLanes.FusedMultiplyAdd(weight, x0, sum20);
            sum21 = TLanes.FusedMultiplyAdd(weight, x1, sum21);
            weight = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in w3), k));
            sum30 = TLanes.FusedMultiplyAdd(weight, x0, sum30);
            sum31 = TLanes.FusedMultiplyAdd(weight, x1, sum31);
            weight = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in w4), k));
            sum40 = TLanes.FusedMultiplyAdd(weight, x0, sum40);
            sum41 = TLanes.FusedMultiplyAdd(weight, x1, sum41);
            weight = TLanes.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in w5), k));
            sum50 = TLanes.FusedMultiplyAdd(weight, x0, sum50);
            sum51 = TLanes.FusedMultiplyAdd(weight, x1, sum51);
        }

        TLanes.Store(sum00, ref sums, 0);
        TLanes.Store(sum01, ref sums, lanes);
        TLanes.Store(sum10, ref sums, 2 * lanes);
        TLanes.Store(sum11, ref sums, 3 * lanes);
        TLanes.Store(sum20, ref sums, 4 * lanes);
        TLanes.Store(sum21, ref sums, 5 * lanes);
        TLanes.Store(sum30, ref sums, 6 * lanes);
        TLanes.Store(sum31, ref sums, 7 * lanes);
        TLanes.Store(sum40, ref sums, 8 * lanes);
        TLanes.Store(sum41, ref sums, 9 * lanes);
        TLanes.Store(sum50, ref sums, 10 * lanes);
        TLanes.Store(sum51, ref sums, 11 * lanes);
    }
}
