using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>Lanes of a fused inner product, on every path and device.</summary>
    private const int FusedLanes = 256;

    // How far ahead a row that is read alone is asked for: a page, where the processor's own reading ahead ends.
    private const nuint PageBytes = 4096;

    // What memory and caches hand over at a time.
    private const nuint LineBytes = 64;

    /// <summary>The rows that a vector is multiplied by at once.</summary>
    private interface IRowCount
    {
        static abstract int Count { get; }
    }

    /// <summary>An element type that fused products are taken from as it is stored.</summary>
    private interface IStored
    {
        static abstract nuint Size { get; }

        static abstract TFloat Load<TLanes, TFloat, TBits>(ref readonly byte origin, nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>;
    }

    /// <summary>How many rows are best multiplied at once.</summary>
    internal const int RowsTogether = 4;

    /// <summary>
    /// The fused inner product of a row and a vector, in the order of <c>DeviceQueue.GatherMultiply</c>: lane
    /// j % 256 starts at +0 and takes <c>fma(row[j], x[j], lane)</c> in the order of the elements; then lanes 0 to 127
    /// take 128 to 255, lanes 0 to 63 take 64 to 127, and so on.
    /// </summary>
    /// <param name="row">The row's little-endian bytes, at any alignment.</param>
    /// <param name="dtype">Their type: BF16 or F32.</param>
    /// <param name="x">One value per element of the row.</param>
    /// <exception cref="ArgumentException">The type is another one, or the lengths do not match.</exception>
    public unsafe float FusedDot(ReadOnlySpan<byte> row, DType dtype, ReadOnlySpan<float> x)
    {
        CheckLength(row.Length, checked(x.Length * dtype.Size()), nameof(row));
        Span<float> product = stackalloc float[1];
        fixed (byte* start = row)
        {
            FusedDots([(nint)start], dtype, x, areCached: true, following: 0, product);
        }

        return product[0];
    }

    /// <summary>The same for rows that lie anywhere, up to <see cref="RowsTogether"/> of them at once.</summary>
    /// <param name="rows">The addresses of the rows, which have as many elements as the vector.</param>
    /// <param name="dtype">Their elements' type: BF16 or F32.</param>
    /// <param name="x">The vector.</param>
    /// <param name="areCached">
    /// Whether the rows are probably in the caches, where four at once are quickest. From memory they come fastest one by
    /// one, since the processor then reads ahead. The products are the same.
    /// </param>
    /// <param name="following">The address of the row that is multiplied after these, which is asked for; or 0.</param>
    /// <param name="products">Receives a product for each row.</param>
    /// <exception cref="ArgumentException">The type is another one, or the lengths do not match.</exception>
    internal void FusedDots(
        ReadOnlySpan<nint> rows,
        DType dtype,
        ReadOnlySpan<float> x,
        bool areCached,
        nint following,
        Span<float> products)
    {
        CheckLength(products.Length, rows.Length, nameof(products));
        switch (dtype)
        {
            case DType.BFloat16:
                FusedDots<StoredBFloat16>(rows, x, areCached, following, products);
                break;
            case DType.Float32:
                FusedDots<StoredFloat32>(rows, x, areCached, following, products);
                break;
            default:
                throw new ArgumentException(
                    $"{dtype.SafetensorsName()} is neither BF16 nor F32: widen it.", nameof(dtype));
        }
    }

    private void FusedDots<TStored>(
        ReadOnlySpan<nint> rows, ReadOnlySpan<float> x, bool areCached, nint following, Span<float> products)
        where TStored : struct, IStored
    {
        int row = 0;
        for (; areCached && row + RowsTogether <= rows.Length; row += RowsTogether)
        {
            FusedDots<TStored, FourRows>(
                rows.Slice(row, RowsTogether), x, following: 0, products.Slice(row, RowsTogether));
        }

        for (; row < rows.Length; row++)
        {
            FusedDots<TStored, OneRow>(
                rows.Slice(row, 1), x, row + 1 < rows.Length ? rows[row + 1] : following, products.Slice(row, 1));
        }
    }

    private void FusedDots<TStored, TRows>(
        ReadOnlySpan<nint> rows, ReadOnlySpan<float> x, nint following, Span<float> products)
        where TStored : struct, IStored
        where TRows : struct, IRowCount
    {
        switch (Path)
        {
            case CpuPath.Vector512:
                FusedDots<TStored, TRows, Lanes512, Vector512<float>, Vector512<uint>>(rows, x, following, products);
                break;
            case CpuPath.Vector256:
                FusedDots<TStored, TRows, Lanes256, Vector256<float>, Vector256<uint>>(rows, x, following, products);
                break;
            case CpuPath.Vector128:
                FusedDots<TStored, TRows, Lanes128, Vector128<float>, Vector128<uint>>(rows, x, following, products);
                break;
            default:
                FusedDots<TStored, TRows, Lanes1, float, uint>(rows, x, following, products);
                break;
        }
    }

    // Every lane is written before it is read, so the lanes need not be cleared.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void FusedDots<TStored, TRows, TLanes, TFloat, TBits>(
        ReadOnlySpan<nint> rows, ReadOnlySpan<float> x, nint following, Span<float> products)
        where TStored : struct, IStored
        where TRows : struct, IRowCount
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        Span<float> lanes = stackalloc float[TRows.Count * FusedLanes];
        ref readonly float v = ref MemoryMarshal.GetReference(x);
        ref float sums = ref MemoryMarshal.GetReference(lanes);
        var places = new RowPlaces(rows);
        nuint whole = (nuint)(x.Length - (x.Length % FusedLanes));

        var ahead = new ReadAhead(
            rows[0], following, (nuint)x.Length * TStored.Size, TStored.Size);
        bool folds = FoldsInRegisters<TRows, TLanes, TFloat, TBits>() && whole == (nuint)x.Length;
        for (nuint band = 0; band < FusedLanes; band += 16 / (nuint)TRows.Count * (nuint)TLanes.Count)
        {
            AddBand<TStored, TRows, TLanes, TFloat, TBits>(places, ahead, in v, band, whole, folds, ref sums);
        }

        if (folds)
        {
            products[0] = TLanes.Fold(TLanes.Load(in sums, 0));
            return;
        }

        for (int row = 0; row < TRows.Count; row++)
        {
            ref float ofRow = ref Unsafe.Add(ref sums, row * FusedLanes);
            ref readonly byte w = ref Unsafe.AsRef<byte>(places.Of(row));
            for (nuint index = whole; index < (nuint)x.Length; index++)
            {
                ref float lane = ref Unsafe.Add(ref ofRow, index - whole);
                lane = Lanes1.FusedMultiplyAdd(
                    TStored.Load<Lanes1, float, uint>(in w, index), Lanes1.Load(in v, index), lane);
            }

            products[row] = Fold<TLanes, TFloat, TBits>(ref ofRow);
        }
    }

    // Whether a band holds all lanes of one row, so that they can be folded where they are.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool FoldsInRegisters<TRows, TLanes, TFloat, TBits>()
        where TRows : struct, IRowCount
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TRows.Count == 1 && 16 * TLanes.Count == FusedLanes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Fold<TLanes, TFloat, TBits>(ref float lanes)
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        nuint half = FusedLanes / 2;
        for (; half >= (nuint)TLanes.Count; half /= 2)
        {
            for (nuint lane = 0; lane < half; lane += (nuint)TLanes.Count)
            {
                TLanes.Store(
                    TLanes.Add(TLanes.Load(in lanes, lane), TLanes.Load(in lanes, lane + half)), ref lanes, lane);
            }
        }

        return TLanes.Fold(TLanes.Load(in lanes, 0));
    }

    // Sixteen vectors of lanes stay in registers: with vectors of 512 bits that is all of one sum, or a part of each of
    // four. Sum i is of row i % count, and the vector's elements are loaded once for all rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void AddBand<TStored, TRows, TLanes, TFloat, TBits>(
        RowPlaces rows, ReadAhead ahead, ref readonly float x, nuint band, nuint end, bool folds, ref float lanes)
        where TStored : struct, IStored
        where TRows : struct, IRowCount
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        TFloat sum0 = TLanes.Broadcast(0f);
        TFloat sum1 = TLanes.Broadcast(0f);
        TFloat sum2 = TLanes.Broadcast(0f);
        TFloat sum3 = TLanes.Broadcast(0f);
        TFloat sum4 = TLanes.Broadcast(0f);
        TFloat sum5 = TLanes.Broadcast(0f);
        TFloat sum6 = TLanes.Broadcast(0f);
        TFloat sum7 = TLanes.Broadcast(0f);
        TFloat sum8 = TLanes.Broadcast(0f);
        TFloat sum9 = TLanes.Broadcast(0f);
        TFloat sum10 = TLanes.Broadcast(0f);
        TFloat sum11 = TLanes.Broadcast(0f);
        TFloat sum12 = TLanes.Broadcast(0f);
        TFloat sum13 = TLanes.Broadcast(0f);
        TFloat sum14 = TLanes.Broadcast(0f);
        TFloat sum15 = TLanes.Broadcast(0f);
        for (nuint index = band; index < end; index += FusedLanes)
        {
            nuint distance = ahead.Of(index);
            TFloat value = TLanes.Load(in x, index);
            sum0 = Add<TStored, TRows, TLanes, TFloat, TBits>(0, rows, distance, index, value, sum0);
            if (1 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(1 / TRows.Count * TLanes.Count));
            }

            sum1 = Add<TStored, TRows, TLanes, TFloat, TBits>(1, rows, distance, index, value, sum1);
            if (2 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(2 / TRows.Count * TLanes.Count));
            }

            sum2 = Add<TStored, TRows, TLanes, TFloat, TBits>(2, rows, distance, index, value, sum2);
            if (3 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(3 / TRows.Count * TLanes.Count));
            }

            sum3 = Add<TStored, TRows, TLanes, TFloat, TBits>(3, rows, distance, index, value, sum3);
            if (4 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(4 / TRows.Count * TLanes.Count));
            }

            sum4 = Add<TStored, TRows, TLanes, TFloat, TBits>(4, rows, distance, index, value, sum4);
            if (5 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(5 / TRows.Count * TLanes.Count));
            }

            sum5 = Add<TStored, TRows, TLanes, TFloat, TBits>(5, rows, distance, index, value, sum5);
            if (6 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(6 / TRows.Count * TLanes.Count));
            }

            sum6 = Add<TStored, TRows, TLanes, TFloat, TBits>(6, rows, distance, index, value, sum6);
            if (7 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(7 / TRows.Count * TLanes.Count));
            }

            sum7 = Add<TStored, TRows, TLanes, TFloat, TBits>(7, rows, distance, index, value, sum7);
            if (8 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(8 / TRows.Count * TLanes.Count));
            }

            sum8 = Add<TStored, TRows, TLanes, TFloat, TBits>(8, rows, distance, index, value, sum8);
            if (9 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(9 / TRows.Count * TLanes.Count));
            }

            sum9 = Add<TStored, TRows, TLanes, TFloat, TBits>(9, rows, distance, index, value, sum9);
            if (10 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(10 / TRows.Count * TLanes.Count));
            }

            sum10 = Add<TStored, TRows, TLanes, TFloat, TBits>(10, rows, distance, index, value, sum10);
            if (11 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(11 / TRows.Count * TLanes.Count));
            }

            sum11 = Add<TStored, TRows, TLanes, TFloat, TBits>(11, rows, distance, index, value, sum11);
            if (12 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(12 / TRows.Count * TLanes.Count));
            }

            sum12 = Add<TStored, TRows, TLanes, TFloat, TBits>(12, rows, distance, index, value, sum12);
            if (13 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(13 / TRows.Count * TLanes.Count));
            }

            sum13 = Add<TStored, TRows, TLanes, TFloat, TBits>(13, rows, distance, index, value, sum13);
            if (14 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(14 / TRows.Count * TLanes.Count));
            }

            sum14 = Add<TStored, TRows, TLanes, TFloat, TBits>(14, rows, distance, index, value, sum14);
            if (15 % TRows.Count == 0)
            {
                value = TLanes.Load(in x, index + (nuint)(15 / TRows.Count * TLanes.Count));
            }

            sum15 = Add<TStored, TRows, TLanes, TFloat, TBits>(15, rows, distance, index, value, sum15);
        }

        if (FoldsInRegisters<TRows, TLanes, TFloat, TBits>() && folds)
        {
            sum0 = TLanes.Add(sum0, sum8);
            sum1 = TLanes.Add(sum1, sum9);
            sum2 = TLanes.Add(sum2, sum10);
            sum3 = TLanes.Add(sum3, sum11);
            sum0 = TLanes.Add(sum0, TLanes.Add(sum4, sum12));
            sum1 = TLanes.Add(sum1, TLanes.Add(sum5, sum13));
            sum2 = TLanes.Add(sum2, TLanes.Add(sum6, sum14));
            sum3 = TLanes.Add(sum3, TLanes.Add(sum7, sum15));
            sum0 = TLanes.Add(TLanes.Add(sum0, sum2), TLanes.Add(sum1, sum3));
            TLanes.Store(sum0, ref lanes, 0);
            return;
        }

        Keep<TRows, TLanes, TFloat, TBits>(0, sum0, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(1, sum1, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(2, sum2, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(3, sum3, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(4, sum4, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(5, sum5, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(6, sum6, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(7, sum7, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(8, sum8, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(9, sum9, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(10, sum10, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(11, sum11, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(12, sum12, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(13, sum13, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(14, sum14, band, ref lanes);
        Keep<TRows, TLanes, TFloat, TBits>(15, sum15, band, ref lanes);
    }

    // Adds to sum i the products of its row's next elements.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe TFloat Add<TStored, TRows, TLanes, TFloat, TBits>(
        int i, RowPlaces rows, nuint ahead, nuint index, TFloat value, TFloat sum)
        where TStored : struct, IStored
        where TRows : struct, IRowCount
        where TLanes : struct, ILanes<TFloat, TBits>
    {
        byte* row = rows.Of(i % TRows.Count);
        nuint at = index + (nuint)(i / TRows.Count * TLanes.Count);
        if (Sse.IsSupported && TRows.Count == 1 && (nuint)(i / TRows.Count * TLanes.Count) * TStored.Size % LineBytes == 0)
        {
            // An address beyond the end does no harm.
            Sse.Prefetch0(row + ahead + (at * TStored.Size));
        }

        TFloat weight = TStored.Load<TLanes, TFloat, TBits>(in Unsafe.AsRef<byte>(row), at);
        return TLanes.FusedMultiplyAdd(weight, value, sum);
    }

    // Stores sum i among the lanes of its row.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Keep<TRows, TLanes, TFloat, TBits>(int i, TFloat sum, nuint band, ref float lanes)
        where TRows : struct, IRowCount
        where TLanes : struct, ILanes<TFloat, TBits> =>
        TLanes.Store(
            sum, ref lanes, (nuint)(i % TRows.Count * FusedLanes) + band + (nuint)(i / TRows.Count * TLanes.Count));

    private readonly struct OneRow : IRowCount
    {
        public static int Count => 1;
    }

    private readonly struct FourRows : IRowCount
    {
        public static int Count => 4;
    }

    // How far from an element of a row that comes from memory lies what is asked for meanwhile: the same row a page on, or
    // at its end the beginning of the row that follows, which need not lie behind it.
    private readonly struct ReadAhead
    {
        private readonly nuint _within;
        private readonly nuint _beyond;
        private readonly nuint _turn;

        public ReadAhead(nint row, nint following, nuint rowBytes, nuint size)
        {
            _within = Math.Min(PageBytes, rowBytes);
            _beyond = following == 0 ? _within : (nuint)(following - row) - rowBytes + _within;
            _turn = (rowBytes - _within) / size;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public nuint Of(nuint index) => index < _turn ? _within : _beyond;
    }

    // Where the rows begin.
    private readonly unsafe struct RowPlaces(ReadOnlySpan<nint> rows)
    {
        private readonly byte* _first = (byte*)rows[0];
        private readonly byte* _second = (byte*)rows[Math.Min(1, rows.Length - 1)];
        private readonly byte* _third = (byte*)rows[Math.Min(2, rows.Length - 1)];
        private readonly byte* _fourth = (byte*)rows[Math.Min(3, rows.Length - 1)];

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public byte* Of(int row) => row switch
        {
            0 => _first,
            1 => _second,
            2 => _third,
            _ => _fourth,
        };
    }

    private readonly struct StoredBFloat16 : IStored
    {
        public static nuint Size => sizeof(ushort);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TFloat Load<TLanes, TFloat, TBits>(ref readonly byte origin, nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.AsFloat(TLanes.ShiftLeft(
                TLanes.Load(in Unsafe.As<byte, ushort>(ref Unsafe.AsRef(in origin)), index), 16));
    }

    private readonly struct StoredFloat32 : IStored
    {
        public static nuint Size => sizeof(float);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TFloat Load<TLanes, TFloat, TBits>(ref readonly byte origin, nuint index)
            where TLanes : struct, ILanes<TFloat, TBits> =>
            TLanes.Load(in Unsafe.As<byte, float>(ref Unsafe.AsRef(in origin)), index);
    }
}
