using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>Lanes of a reduction, on every path and device.</summary>
    private const int ReductionLanes = 16;

    /// <summary>The inner products of two blocks, in float64: each product of two float32 values is exact.</summary>
    /// <remarks>
    /// Canonical order: element i adds into lane i % 16, in the order of the elements; then lanes 0 to 7 take lanes 8
    /// to 15, lanes 0 to 3 take 4 to 7, lanes 0 and 1 take 2 and 3, and lane 0 takes lane 1.
    /// </remarks>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public DotProducts Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        CheckLength(b.Length, a.Length, nameof(b));
        return DotSources(new Float32Source(a), new Float32Source(b), a.Length);
    }

    /// <summary>The same for a block of stored bfloat16 values.</summary>
    internal DotProducts DotStored(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) =>
        DotSources(new BFloat16Source(a), new BFloat16Source(b), a.Length / sizeof(ushort));

    private DotProducts DotSources<TSource>(TSource a, TSource b, int length)
        where TSource : struct, IElementSource, allows ref struct
    {
        Span<double> lanes = stackalloc double[3 * ReductionLanes];
        var reduction = new DotReduction<TSource>(a, b, lanes);
        Reduce(ref reduction, length);
        return new DotProducts(
            Combine(lanes[..ReductionLanes]),
            Combine(lanes.Slice(ReductionLanes, ReductionLanes)),
            Combine(lanes[(2 * ReductionLanes)..]));
    }

    /// <summary>
    /// The sum of the magnitudes of a block, in float64 and in the canonical order of <see cref="Dot"/>.
    /// </summary>
    public double AbsoluteSum(ReadOnlySpan<float> values)
    {
        Span<double> lanes = stackalloc double[ReductionLanes];
        var reduction = new AbsoluteSumReduction(values, lanes);
        Reduce(ref reduction, values.Length);
        return Combine(lanes);
    }

    /// <summary>The product of a block with itself, as <see cref="Dot"/> has it.</summary>
    internal double SquareSum(ReadOnlySpan<float> values)
    {
        Span<double> lanes = stackalloc double[ReductionLanes];
        var reduction = new SquareSumReduction(values, lanes);
        Reduce(ref reduction, values.Length);
        return Combine(lanes);
    }

    private void Reduce<TReduction>(ref TReduction reduction, int length)
        where TReduction : struct, IReduction, allows ref struct
    {
        nuint whole = (nuint)(length - (length % ReductionLanes));
        switch (Path)
        {
            case CpuPath.Vector512:
                AddRows<TReduction, DoubleLanes512, Vector512<double>>(ref reduction, whole);
                break;
            case CpuPath.Vector256:
                AddRows<TReduction, DoubleLanes256, Vector256<double>>(ref reduction, whole);
                break;
            case CpuPath.Vector128:
                AddRows<TReduction, DoubleLanes128, Vector128<double>>(ref reduction, whole);
                break;
            default:
                AddRows<TReduction, DoubleLanes1, double>(ref reduction, whole);
                break;
        }

        for (nuint index = whole; index < (nuint)length; index++)
        {
            reduction.AddLanes<DoubleLanes1, double>(index - whole, index, index + 1);
        }
    }

    private static void AddRows<TReduction, TLanes, TDouble>(ref TReduction reduction, nuint whole)
        where TReduction : struct, IReduction, allows ref struct
        where TLanes : struct, IDoubleLanes<TDouble>
    {
        for (nuint lane = 0; lane < ReductionLanes; lane += (nuint)TLanes.Count)
        {
            reduction.AddLanes<TLanes, TDouble>(lane, lane, whole);
        }
    }

    private static double Combine(Span<double> lanes)
    {
        for (int half = ReductionLanes / 2; half > 0; half /= 2)
        {
            for (int lane = 0; lane < half; lane++)
            {
                lanes[lane] += lanes[lane + half];
            }
        }

        return lanes[0];
    }

    private readonly ref struct DotReduction<TSource>(TSource a, TSource b, Span<double> lanes) : IReduction
        where TSource : struct, IElementSource, allows ref struct
    {
        private readonly TSource _a = a;
        private readonly TSource _b = b;
        private readonly ref double _lanes = ref MemoryMarshal.GetReference(lanes);

        public void AddLanes<TLanes, TDouble>(nuint lane, nuint start, nuint end)
            where TLanes : struct, IDoubleLanes<TDouble>
        {
            TDouble aa = TLanes.Load(in _lanes, lane);
            TDouble bb = TLanes.Load(in _lanes, lane + ReductionLanes);
            TDouble ab = TLanes.Load(in _lanes, lane + (2 * ReductionLanes));
            for (nuint index = start; index < end; index += ReductionLanes)
            {
                TDouble valueA = _a.LoadDouble<TLanes, TDouble>(index);
                TDouble valueB = _b.LoadDouble<TLanes, TDouble>(index);
                aa = TLanes.Add(aa, TLanes.Multiply(valueA, valueA));
                bb = TLanes.Add(bb, TLanes.Multiply(valueB, valueB));
                ab = TLanes.Add(ab, TLanes.Multiply(valueA, valueB));
            }

            TLanes.Store(aa, ref _lanes, lane);
            TLanes.Store(bb, ref _lanes, lane + ReductionLanes);
            TLanes.Store(ab, ref _lanes, lane + (2 * ReductionLanes));
        }
    }

    private readonly ref struct SquareSumReduction(ReadOnlySpan<float> values, Span<double> lanes) : IReduction
    {
        private readonly ref readonly float _values = ref MemoryMarshal.GetReference(values);
        private readonly ref double _lanes = ref MemoryMarshal.GetReference(lanes);

        public void AddLanes<TLanes, TDouble>(nuint lane, nuint start, nuint end)
            where TLanes : struct, IDoubleLanes<TDouble>
        {
            TDouble sum = TLanes.Load(in _lanes, lane);
            for (nuint index = start; index < end; index += ReductionLanes)
            {
                TDouble value = TLanes.Load(in _values, index);
                sum = TLanes.Add(sum, TLanes.Multiply(value, value));
            }

            TLanes.Store(sum, ref _lanes, lane);
        }
    }

    private readonly ref struct AbsoluteSumReduction(ReadOnlySpan<float> values, Span<double> lanes) : IReduction
    {
        private readonly ref readonly float _values = ref MemoryMarshal.GetReference(values);
        private readonly ref double _lanes = ref MemoryMarshal.GetReference(lanes);

        public void AddLanes<TLanes, TDouble>(nuint lane, nuint start, nuint end)
            where TLanes : struct, IDoubleLanes<TDouble>
        {
            TDouble sum = TLanes.Load(in _lanes, lane);
            for (nuint index = start; index < end; index += ReductionLanes)
            {
                sum = TLanes.Add(sum, TLanes.Abs(TLanes.Load(in _values, index)));
            }

            TLanes.Store(sum, ref _lanes, lane);
        }
    }
}
