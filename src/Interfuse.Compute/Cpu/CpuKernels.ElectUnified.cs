using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Interfuse.Compute;

public sealed partial class CpuKernels
{
    /// <summary>
    /// The unified task vector of some experts: with <c>d = x - base</c>, the d of greatest magnitude among those that
    /// have the sign of the sum of all d, where a sum that is not above 0 counts as negative; +0 where none has it.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">One row per expert, at least one.</param>
    /// <param name="destination">Receives the unified task vector, which is never NaN.</param>
    /// <exception cref="ArgumentException">
    /// There is no expert, or lengths or overlap break the rules of the class.
    /// </exception>
    public void ElectUnified(ReadOnlySpan<float> baseValues, Rows experts, Span<float> destination)
    {
        CheckRows(experts, experts.Count, destination);
        CheckSource(baseValues, destination);
        var kernel = new ElectUnifiedKernel(baseValues, experts, destination);
        Launch(ref kernel, destination.Length);
    }

    /// <summary>
    /// Where a task vector <c>d = x - base</c> and the unified one have one sign, and what is there of the latter.
    /// </summary>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="expert">The expert's values.</param>
    /// <param name="unified">The unified task vector, as it is stored.</param>
    /// <param name="delta">Receives d.</param>
    /// <param name="agreed">Receives the unified values that agree, and +0 for the others.</param>
    /// <param name="mask">Receives a bit for each, element i's at bit i % 32 of word i / 32; the rest are zero.</param>
    /// <exception cref="ArgumentException">
    /// Lengths or overlap break the rules of the class, or the mask has not one word for every 32 elements.
    /// </exception>
    public void Agreement(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        ReadOnlySpan<float> unified,
        Span<float> delta,
        Span<float> agreed,
        Span<uint> mask)
    {
        CheckSource(baseValues, delta);
        CheckSource(expert, delta);
        CheckSource(unified, agreed);
        CheckLength(agreed.Length, delta.Length, nameof(agreed));
        CheckLength(mask.Length, (int)MaskedBank.Words(delta.Length), nameof(mask));
        mask.Clear();
        var kernel = new AgreementKernel(baseValues, expert, unified, delta, agreed, mask);
        Launch(ref kernel, delta.Length);
    }

    /// <summary>
    /// The sums over a block of a task vector and of what agrees with it, in one sweep, each in the order of
    /// <see cref="Dot"/> and <see cref="AbsoluteSum"/>.
    /// </summary>
    internal AgreementSums SumAgreement(ReadOnlySpan<float> delta, ReadOnlySpan<float> agreed)
    {
        CheckLength(agreed.Length, delta.Length, nameof(agreed));
        Span<double> lanes = stackalloc double[AgreementSums.Count * ReductionLanes];
        var reduction = new AgreementReduction(delta, agreed, lanes);
        Reduce(ref reduction, delta.Length);
        return new AgreementSums(
            Combine(lanes[..ReductionLanes]),
            Combine(lanes.Slice(ReductionLanes, ReductionLanes)),
            Combine(lanes.Slice(2 * ReductionLanes, ReductionLanes)),
            Combine(lanes.Slice(3 * ReductionLanes, ReductionLanes)),
            Combine(lanes[(4 * ReductionLanes)..]));
    }

    private readonly ref struct AgreementReduction(
        ReadOnlySpan<float> delta, ReadOnlySpan<float> agreed, Span<double> lanes) : IReduction
    {
        private readonly ref readonly float _delta = ref MemoryMarshal.GetReference(delta);
        private readonly ref readonly float _agreed = ref MemoryMarshal.GetReference(agreed);
        private readonly ref double _lanes = ref MemoryMarshal.GetReference(lanes);

        public void AddLanes<TLanes, TDouble>(nuint lane, nuint start, nuint end)
            where TLanes : struct, IDoubleLanes<TDouble>
        {
            TDouble deltas = TLanes.Load(in _lanes, lane);
            TDouble agreements = TLanes.Load(in _lanes, lane + ReductionLanes);
            TDouble deltaEnergy = TLanes.Load(in _lanes, lane + (2 * ReductionLanes));
            TDouble agreedEnergy = TLanes.Load(in _lanes, lane + (3 * ReductionLanes));
            TDouble product = TLanes.Load(in _lanes, lane + (4 * ReductionLanes));
            for (nuint index = start; index < end; index += ReductionLanes)
            {
                TDouble d = TLanes.Load(in _delta, index);
                TDouble a = TLanes.Load(in _agreed, index);
                deltas = TLanes.Add(deltas, TLanes.Abs(d));
                agreements = TLanes.Add(agreements, TLanes.Abs(a));
                deltaEnergy = TLanes.Add(deltaEnergy, TLanes.Multiply(d, d));
                agreedEnergy = TLanes.Add(agreedEnergy, TLanes.Multiply(a, a));
                product = TLanes.Add(product, TLanes.Multiply(d, a));
            }

            TLanes.Store(deltas, ref _lanes, lane);
            TLanes.Store(agreements, ref _lanes, lane + ReductionLanes);
            TLanes.Store(deltaEnergy, ref _lanes, lane + (2 * ReductionLanes));
            TLanes.Store(agreedEnergy, ref _lanes, lane + (3 * ReductionLanes));
            TLanes.Store(product, ref _lanes, lane + (4 * ReductionLanes));
        }
    }

    private readonly ref struct ElectUnifiedKernel(
        ReadOnlySpan<float> baseValues, Rows experts, Span<float> destination) : IKernel
    {
        private readonly Float32Source _base = new(baseValues);
        private readonly Float32Rows _experts = new(experts);
        private readonly nuint _count = (nuint)experts.Count;
        private readonly ref float _destination = ref MemoryMarshal.GetReference(destination);

        // Both candidates in the sweep that sums: only one of them will have the elected sign, and a comparison with
        // NaN takes neither.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            TFloat baseValue = _base.Load<TLanes, TFloat, TBits>(index);
            TFloat sum = zero;
            TFloat highest = zero;
            TFloat lowest = zero;
            for (nuint expert = 0; expert < _count; expert++)
            {
                TFloat delta = TLanes.Subtract(_experts.Load<TLanes, TFloat, TBits>(expert, index), baseValue);
                sum = TLanes.Add(sum, delta);
                highest = TLanes.SelectGreater(delta, highest, delta, highest);
                lowest = TLanes.SelectGreater(lowest, delta, delta, lowest);
            }

            TLanes.Store(TLanes.SelectGreater(sum, zero, highest, lowest), ref _destination, index);
        }
    }

    private readonly ref struct AgreementKernel(
        ReadOnlySpan<float> baseValues,
        ReadOnlySpan<float> expert,
        ReadOnlySpan<float> unified,
        Span<float> delta,
        Span<float> agreed,
        Span<uint> mask) : IKernel
    {
        private readonly Float32Source _base = new(baseValues);
        private readonly Float32Source _expert = new(expert);
        private readonly Float32Source _unified = new(unified);
        private readonly ref float _delta = ref MemoryMarshal.GetReference(delta);
        private readonly ref float _agreed = ref MemoryMarshal.GetReference(agreed);
        private readonly ref uint _mask = ref MemoryMarshal.GetReference(mask);

        // A vector's lanes never lie in two words: vectors start at multiples of their length.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Step<TLanes, TFloat, TBits>(nuint index)
            where TLanes : struct, ILanes<TFloat, TBits>
        {
            TFloat zero = TLanes.Broadcast(0f);
            TFloat value = Delta.Of<Float32Source, TLanes, TFloat, TBits>(_base, _expert, index);
            TFloat unified = _unified.Load<TLanes, TFloat, TBits>(index);
            TBits agrees = TLanes.Or(
                TLanes.And(TLanes.GreaterThan(value, zero), TLanes.GreaterThan(unified, zero)),
                TLanes.And(TLanes.GreaterThan(zero, value), TLanes.GreaterThan(zero, unified)));
            TLanes.Store(value, ref _delta, index);
            TLanes.Store(TLanes.Select(agrees, unified, zero), ref _agreed, index);
            Unsafe.Add(ref _mask, index / MaskedBank.ColumnsPerWord) |=
                TLanes.Lanes(agrees) << (int)(index % MaskedBank.ColumnsPerWord);
        }
    }
}
