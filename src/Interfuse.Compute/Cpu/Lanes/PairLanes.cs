using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Compute;

/// <summary>
/// Two vectors at a time, the even elements in one and the odd ones in the other. A vector of 16-bit values then
/// becomes two of float32, and goes back, by a shift and a mask; and two independent chains of arithmetic keep the
/// processor busy.
/// </summary>
internal readonly struct PairLanes<TLanes, TFloat, TBits> : ILanes<Pair<TFloat>, Pair<TBits>>
    where TLanes : struct, ILanes<TFloat, TBits>, IPairable<TBits>
{
    public static int Count => 2 * TLanes.Count;

    // In elements. The processor by itself fetches too little ahead of several tensors at once.
    private const int PrefetchDistance = 768;

    private static nuint Half => (nuint)TLanes.Count;

    private static TBits UpperHalves
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TLanes.Broadcast(0xFFFF_0000u);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Broadcast(float value)
    {
        TFloat vector = TLanes.Broadcast(value);
        return new(vector, vector);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Broadcast(uint value)
    {
        TBits vector = TLanes.Broadcast(value);
        return new(vector, vector);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Load(ref readonly float origin, nuint index) => AsFloat(TLanes.Deal(
        TLanes.AsBits(TLanes.Load(in origin, index)), TLanes.AsBits(TLanes.Load(in origin, index + Half))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Load(ref readonly uint origin, nuint index) =>
        TLanes.Deal(TLanes.Load(in origin, index), TLanes.Load(in origin, index + Half));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Load(ref readonly ushort origin, nuint index)
    {
        TBits words = LoadWords(in origin, index);
        return new(TLanes.And(words, TLanes.Broadcast(0xFFFFu)), TLanes.ShiftRight(words, 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> LoadUpper(ref readonly ushort origin, nuint index)
    {
        TBits words = LoadWords(in origin, index);
        return new(TLanes.RaiseLowerHalves(words), words);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Load(ref readonly double origin, nuint index) => AsFloat(TLanes.Deal(
        TLanes.AsBits(TLanes.Load(in origin, index)), TLanes.AsBits(TLanes.Load(in origin, index + Half))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Pair<TFloat> LoadBFloat16(ref readonly ushort origin, nuint index)
    {
        if (Sse.IsSupported)
        {
            // An address beyond the end does no harm.
            Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref Unsafe.AsRef(in origin), index + PrefetchDistance)));
        }

        TBits words = LoadWords(in origin, index);
        return new(TLanes.AsFloat(TLanes.ShiftLeft(words, 16)), TLanes.AsFloat(TLanes.And(words, UpperHalves)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<TFloat> value, ref float origin, nuint index)
    {
        (TBits lower, TBits upper) = TLanes.Gather(AsBits(value));
        TLanes.Store(TLanes.AsFloat(lower), ref origin, index);
        TLanes.Store(TLanes.AsFloat(upper), ref origin, index + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<TBits> value, ref uint origin, nuint index)
    {
        (TBits lower, TBits upper) = TLanes.Gather(value);
        TLanes.Store(lower, ref origin, index);
        TLanes.Store(upper, ref origin, index + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Store(Pair<TBits> value, ref uint origin, nuint index, bool pastCaches)
    {
        if (pastCaches)
        {
            (TBits lower, TBits upper) = TLanes.Gather(value);
            uint* address = (uint*)Unsafe.AsPointer(ref Unsafe.Add(ref origin, index));
            TLanes.StorePastCaches(lower, address);
            TLanes.StorePastCaches(upper, address + TLanes.Count);
        }
        else
        {
            Store(value, ref origin, index);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<TBits> value, ref ushort origin, nuint index) => StoreWords(
        TLanes.Or(TLanes.And(value.Even, TLanes.Broadcast(0xFFFFu)), TLanes.ShiftLeft(value.Odd, 16)),
        ref origin,
        index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Pair<TFloat> value, ref double origin, nuint index)
    {
        (TBits lower, TBits upper) = TLanes.Gather(AsBits(value));
        TLanes.Store(TLanes.AsFloat(lower), ref origin, index);
        TLanes.Store(TLanes.AsFloat(upper), ref origin, index + Half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StoreUpper(Pair<TBits> value, ref ushort origin, nuint index, bool pastCaches)
    {
        TBits words = TLanes.Or(TLanes.And(value.Odd, UpperHalves), TLanes.ShiftRight(value.Even, 16));
        if (pastCaches)
        {
            TLanes.StorePastCaches(words, (uint*)Unsafe.AsPointer(ref Unsafe.Add(ref origin, index)));
        }
        else
        {
            StoreWords(words, ref origin, index);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Add(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Add(left.Even, right.Even), TLanes.Add(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> AddWherePositive(Pair<TFloat> value, Pair<TFloat> left, Pair<TFloat> right) => new(
        TLanes.AddWherePositive(value.Even, left.Even, right.Even),
        TLanes.AddWherePositive(value.Odd, left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddWherePositive(
        Pair<TFloat> value, ref Pair<TFloat> first, Pair<TFloat> toFirst, ref Pair<TFloat> second,
        Pair<TFloat> toSecond)
    {
        TFloat firstEven = first.Even;
        TFloat firstOdd = first.Odd;
        TFloat secondEven = second.Even;
        TFloat secondOdd = second.Odd;
        TLanes.AddWherePositive(value.Even, ref firstEven, toFirst.Even, ref secondEven, toSecond.Even);
        TLanes.AddWherePositive(value.Odd, ref firstOdd, toFirst.Odd, ref secondOdd, toSecond.Odd);
        first = new(firstEven, firstOdd);
        second = new(secondEven, secondOdd);
    }

    // The last addition of all is that of an even lane and the odd one after it.
    public static float Fold(Pair<TFloat> value) => TLanes.Fold(value.Even) + TLanes.Fold(value.Odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Subtract(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Subtract(left.Even, right.Even), TLanes.Subtract(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Multiply(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Multiply(left.Even, right.Even), TLanes.Multiply(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> MultiplyWhereBelow(
        Pair<TBits> word, Pair<TBits> bound, Pair<TFloat> left, Pair<TFloat> right) => new(
        TLanes.MultiplyWhereBelow(word.Even, bound.Even, left.Even, right.Even),
        TLanes.MultiplyWhereBelow(word.Odd, bound.Odd, left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Divide(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Divide(left.Even, right.Even), TLanes.Divide(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> DivideUnlessZero(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.DivideUnlessZero(left.Even, right.Even), TLanes.DivideUnlessZero(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> FusedMultiplyAdd(Pair<TFloat> left, Pair<TFloat> right, Pair<TFloat> addend) => new(
        TLanes.FusedMultiplyAdd(left.Even, right.Even, addend.Even),
        TLanes.FusedMultiplyAdd(left.Odd, right.Odd, addend.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Max(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Max(left.Even, right.Even), TLanes.Max(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Min(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Min(left.Even, right.Even), TLanes.Min(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> AsBits(Pair<TFloat> value) => new(TLanes.AsBits(value.Even), TLanes.AsBits(value.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> AsFloat(Pair<TBits> value) => new(TLanes.AsFloat(value.Even), TLanes.AsFloat(value.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Add(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.Add(left.Even, right.Even), TLanes.Add(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Subtract(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.Subtract(left.Even, right.Even), TLanes.Subtract(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Min(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.Min(left.Even, right.Even), TLanes.Min(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> And(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.And(left.Even, right.Even), TLanes.And(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Or(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.Or(left.Even, right.Even), TLanes.Or(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Xor(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.Xor(left.Even, right.Even), TLanes.Xor(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> ShiftLeft(Pair<TBits> value, int count) =>
        new(TLanes.ShiftLeft(value.Even, count), TLanes.ShiftLeft(value.Odd, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> RaiseLowerHalves(Pair<TBits> value) =>
        new(TLanes.RaiseLowerHalves(value.Even), TLanes.RaiseLowerHalves(value.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> ShiftRight(Pair<TBits> value, int count) =>
        new(TLanes.ShiftRight(value.Even, count), TLanes.ShiftRight(value.Odd, count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> GreaterThan(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.GreaterThan(left.Even, right.Even), TLanes.GreaterThan(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Equal(Pair<TFloat> left, Pair<TFloat> right) =>
        new(TLanes.Equal(left.Even, right.Even), TLanes.Equal(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> GreaterThan(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.GreaterThan(left.Even, right.Even), TLanes.GreaterThan(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> GreaterOrEqual(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.GreaterOrEqual(left.Even, right.Even), TLanes.GreaterOrEqual(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Equal(Pair<TBits> left, Pair<TBits> right) =>
        new(TLanes.Equal(left.Even, right.Even), TLanes.Equal(left.Odd, right.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> Select(Pair<TBits> mask, Pair<TFloat> where, Pair<TFloat> otherwise) => new(
        TLanes.Select(mask.Even, where.Even, otherwise.Even), TLanes.Select(mask.Odd, where.Odd, otherwise.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> Select(Pair<TBits> mask, Pair<TBits> where, Pair<TBits> otherwise) => new(
        TLanes.Select(mask.Even, where.Even, otherwise.Even), TLanes.Select(mask.Odd, where.Odd, otherwise.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> SelectGreater(
        Pair<TFloat> left, Pair<TFloat> right, Pair<TFloat> where, Pair<TFloat> otherwise) => new(
        TLanes.SelectGreater(left.Even, right.Even, where.Even, otherwise.Even),
        TLanes.SelectGreater(left.Odd, right.Odd, where.Odd, otherwise.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TFloat> SelectGreaterOrEqual(
        Pair<TBits> left, Pair<TBits> right, Pair<TFloat> where, Pair<TFloat> otherwise) => new(
        TLanes.SelectGreaterOrEqual(left.Even, right.Even, where.Even, otherwise.Even),
        TLanes.SelectGreaterOrEqual(left.Odd, right.Odd, where.Odd, otherwise.Odd));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<TBits> BitMask(ref readonly uint words, nuint index) =>
        TLanes.Deal(TLanes.BitMask(in words, index), TLanes.BitMask(in words, index + Half));

    /// <summary>The even elements' bits, above them those of the odd ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Lanes(Pair<TBits> mask) =>
        TLanes.Lanes(mask.Even) | (TLanes.Lanes(mask.Odd) << TLanes.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LanesGreaterOrEqual(Pair<TBits> left, Pair<TBits> right) =>
        TLanes.LanesGreaterOrEqual(left.Even, right.Even) |
        (TLanes.LanesGreaterOrEqual(left.Odd, right.Odd) << TLanes.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSelected(Pair<TBits> mask, Pair<TBits> value, ref uint origin, nuint index)
    {
        (TBits lowerMask, TBits upperMask) = TLanes.Gather(mask);
        (TBits lower, TBits upper) = TLanes.Gather(value);
        TLanes.StoreSelected(lowerMask, lower, ref origin, index);
        nuint after = index + (nuint)BitOperations.PopCount(TLanes.Lanes(lowerMask));
        TLanes.StoreSelected(upperMask, upper, ref origin, after);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TBits LoadWords(ref readonly ushort origin, nuint index) =>
        TLanes.Load(in Unsafe.As<ushort, uint>(ref Unsafe.Add(ref Unsafe.AsRef(in origin), index)), 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreWords(TBits words, ref ushort origin, nuint index) =>
        TLanes.Store(words, ref Unsafe.As<ushort, uint>(ref Unsafe.Add(ref origin, index)), 0);
}
