using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>Lanes of a fused inner product, on every path and device.</summary>
    public const int FusedLanes = 256;

    /// <summary>An element type that fused products are taken from as it is stored.</summary>
    private interface IStored
    {
        static abstract TFloat Load<TLanes, TFloat, TBits>(ref readonly byte origin, nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>;
    }

    /// <summary>
    /// Adds products into the lanes of a fused inner product: <c>lane = fma(row[j], x[j], lane)</c> for lane j % 256,
    /// in the
    /// order of the elements. The one kernel that fuses.
    /// </summary>
    /// <param name="row">The row's little-endian bytes, at any alignment.</param>
    /// <param name="dtype">Their type: BF16 or F32.</param>
    /// <param name="x">One value per element of the row.</param>
    /// <param name="lanes">The 256 lanes; those of a row's later part go on where its earlier part, a multiple of 256
    /// elements,
    /// ended.</param>
    /// <exception cref="ArgumentException">The type is another one, or the lengths do not match.</exception>
    public void AddFusedProducts(ReadOnlySpan<byte> row, DType dtype, ReadOnlySpan<float> x, Span<float> lanes)
    {
        if (dtype is not (DType.BFloat16 or DType.Float32))
        {
            throw new ArgumentException($"{dtype.SafetensorsName()} is neither BF16 nor F32: widen it.", nameof(dtype));
        }

        CheckLength(row.Length, checked(x.Length * dtype.Size()), nameof(row));
        CheckLength(lanes.Length, FusedLanes, nameof(lanes));
        if (dtype == DType.BFloat16)
        {
            AddFused<StoredBFloat16>(row, x, lanes);
        }
        else
        {
            AddFused<StoredFloat32>(row, x, lanes);
        }
    }

    /// <summary>
    /// The sum of the 256 lanes: lanes 0 to 127 take 128 to 255, lanes 0 to 63 take 64 to 127, and so on. Overwrites
    /// them.
    /// </summary>
    /// <exception cref="ArgumentException">There are not 256 lanes.</exception>
    public float FoldFusedLanes(Span<float> lanes)
    {
        CheckLength(lanes.Length, FusedLanes, nameof(lanes));
        return Path switch
        {
            CpuPath.Vector512 => Fold<Lanes512, Vector512<float>, Vector512<uint>>(lanes),
            CpuPath.Vector256 => Fold<Lanes256, Vector256<float>, Vector256<uint>>(lanes),
            CpuPath.Vector128 => Fold<Lanes128, Vector128<float>, Vector128<uint>>(lanes),
            _ => Fold<Lanes1, float, uint>(lanes),
        };
    }

    // A row of a matrix has little more work than this, so all of it is one method.
    private static float Fold<TLanes, TFloat, TBits>(Span<float> lanes)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref float first = ref MemoryMarshal.GetReference(lanes);
        nuint half = FusedLanes / 2;
        for (; half >= (nuint)TLanes.Count; half /= 2)
        {
            for (nuint lane = 0; lane < half; lane += (nuint)TLanes.Count)
            {
                TLanes.Store(
                    TLanes.Add(TLanes.Load(in first, lane), TLanes.Load(in first, lane + half)), ref first, lane);
            }
        }

        for (; half > 0; half /= 2)
        {
            for (nuint lane = 0; lane < half; lane++)
            {
                Unsafe.Add(ref first, lane) += Unsafe.Add(ref first, lane + half);
            }
        }

        return first;
    }

    private void AddFused<TStored>(ReadOnlySpan<byte> row, ReadOnlySpan<float> x, Span<float> lanes)
        where TStored : struct, IStored
    {
        switch (Path)
        {
            case CpuPath.Vector512:
                AddFused<TStored, Lanes512, Vector512<float>, Vector512<uint>>(row, x, lanes);
                break;
            case CpuPath.Vector256:
                AddFused<TStored, Lanes256, Vector256<float>, Vector256<uint>>(row, x, lanes);
                break;
            case CpuPath.Vector128:
                AddFused<TStored, Lanes128, Vector128<float>, Vector128<uint>>(row, x, lanes);
                break;
            default:
                AddFused<TStored, Lanes1, float, uint>(row, x, lanes);
                break;
        }
    }

    private static void AddFused<TStored, TLanes, TFloat, TBits>(
        ReadOnlySpan<byte> row, ReadOnlySpan<float> x, Span<float> lanes)
        where TStored : struct, IStored
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        ref readonly byte w = ref MemoryMarshal.GetReference(row);
        ref readonly float v = ref MemoryMarshal.GetReference(x);
        ref float sums = ref MemoryMarshal.GetReference(lanes);
        nuint whole = (nuint)(x.Length - (x.Length % FusedLanes));
        for (nuint band = 0; band < FusedLanes; band += 16 * (nuint)TLanes.Count)
        {
            AddBand<TStored, TLanes, TFloat, TBits>(in w, in v, band, whole, ref sums);
        }

        for (nuint index = whole; index < (nuint)x.Length; index++)
        {
            Accumulate<TStored, Lanes1, float, uint>(in w, in v, index, ref lanes[(int)(index - whole)]);
        }
    }

    // Sixteen vectors of lanes stay in registers: with vectors of 512 bits that is all of them.
    private static void AddBand<TStored, TLanes, TFloat, TBits>(
        ref readonly byte w, ref readonly float x, nuint band, nuint end, ref float lanes)
        where TStored : struct, IStored
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        nuint step = (nuint)TLanes.Count;
        TFloat sum0 = TLanes.Load(in lanes, band);
        TFloat sum1 = TLanes.Load(in lanes, band + step);
        TFloat sum2 = TLanes.Load(in lanes, band + (2 * step));
        TFloat sum3 = TLanes.Load(in lanes, band + (3 * step));
        TFloat sum4 = TLanes.Load(in lanes, band + (4 * step));
        TFloat sum5 = TLanes.Load(in lanes, band + (5 * step));
        TFloat sum6 = TLanes.Load(in lanes, band + (6 * step));
        TFloat sum7 = TLanes.Load(in lanes, band + (7 * step));
        TFloat sum8 = TLanes.Load(in lanes, band + (8 * step));
        TFloat sum9 = TLanes.Load(in lanes, band + (9 * step));
        TFloat sum10 = TLanes.Load(in lanes, band + (10 * step));
        TFloat sum11 = TLanes.Load(in lanes, band + (11 * step));
        TFloat sum12 = TLanes.Load(in lanes, band + (12 * step));
        TFloat sum13 = TLanes.Load(in lanes, band + (13 * step));
        TFloat sum14 = TLanes.Load(in lanes, band + (14 * step));
        TFloat sum15 = TLanes.Load(in lanes, band + (15 * step));
        for (nuint index = band; index < end; index += FusedLanes)
        {
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index, ref sum0);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + step, ref sum1);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (2 * step), ref sum2);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (3 * step), ref sum3);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (4 * step), ref sum4);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (5 * step), ref sum5);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (6 * step), ref sum6);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (7 * step), ref sum7);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (8 * step), ref sum8);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (9 * step), ref sum9);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (10 * step), ref sum10);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (11 * step), ref sum11);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (12 * step), ref sum12);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (13 * step), ref sum13);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (14 * step), ref sum14);
            Accumulate<TStored, TLanes, TFloat, TBits>(in w, in x, index + (15 * step), ref sum15);
        }

        TLanes.Store(sum0, ref lanes, band);
        TLanes.Store(sum1, ref lanes, band + step);
        TLanes.Store(sum2, ref lanes, band + (2 * step));
        TLanes.Store(sum3, ref lanes, band + (3 * step));
        TLanes.Store(sum4, ref lanes, band + (4 * step));
        TLanes.Store(sum5, ref lanes, band + (5 * step));
        TLanes.Store(sum6, ref lanes, band + (6 * step));
        TLanes.Store(sum7, ref lanes, band + (7 * step));
        TLanes.Store(sum8, ref lanes, band + (8 * step));
        TLanes.Store(sum9, ref lanes, band + (9 * step));
        TLanes.Store(sum10, ref lanes, band + (10 * step));
        TLanes.Store(sum11, ref lanes, band + (11 * step));
        TLanes.Store(sum12, ref lanes, band + (12 * step));
        TLanes.Store(sum13, ref lanes, band + (13 * step));
        TLanes.Store(sum14, ref lanes, band + (14 * step));
        TLanes.Store(sum15, ref lanes, band + (15 * step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TStored, TLanes, TFloat, TBits>(
        ref readonly byte w, ref readonly float x, nuint index, ref TFloat sum)
        where TStored : struct, IStored
        where TLanes : struct, ILanes<TFloat, TBits> =>
        sum = TLanes.FusedMultiplyAdd(
            TStored.Load<TLanes, TFloat, TBits>(in w, index), TLanes.Load(in x, index), sum);

    private readonly struct StoredBFloat16 : IStored
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TFloat Load<TLanes, TFloat, TBits>(ref readonly byte origin, nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.AsFloat(TLanes.ShiftLeft(
                TLanes.Load(in Unsafe.As<byte, ushort>(ref Unsafe.AsRef(in origin)), index), 16));
    }

    private readonly struct StoredFloat32 : IStored
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TFloat Load<TLanes, TFloat, TBits>(ref readonly byte origin, nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Load(in Unsafe.As<byte, float>(ref Unsafe.AsRef(in origin)), index);
    }
}
