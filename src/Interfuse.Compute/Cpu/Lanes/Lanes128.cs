using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

/// <summary>Four lanes in a vector of 128 bits.</summary>
internal readonly struct Lanes128 : ILanes<Vector128<float>, Vector128<uint>>, IPairable<Vector128<uint>>
{
    public static int Count => Vector128<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Broadcast(uint value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(ref readonly float origin, nuint index) =>
        Vector128.LoadUnsafe(in origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Load(ref readonly uint origin, nuint index) => Vector128.LoadUnsafe(in origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Load(ref readonly ushort origin, nuint index) =>
        Vector128.WidenLower(Vector64.LoadUnsafe(in origin, index).ToVector128Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> LoadUpper(ref readonly ushort origin, nuint index) => Load(in origin, index) << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(ref readonly double origin, nuint index) => Vector128.Narrow(
        Vector128.LoadUnsafe(in origin, index),
        Vector128.LoadUnsafe(in origin, index + (nuint)Vector128<double>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadBFloat16(ref readonly ushort origin, nuint index) =>
        (Load(in origin, index) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, ref float origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<uint> value, ref uint origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<uint> value, ref uint origin, nuint index, bool pastCaches) =>
        Store(value, ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<uint> value, ref ushort origin, nuint index) =>
        Vector128.Narrow(value, value).GetLower().StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpper(Vector128<uint> value, ref ushort origin, nuint index, bool pastCaches) =>
        Store(value >>> 16, ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, ref double origin, nuint index)
    {
        Vector128.WidenLower(value).StoreUnsafe(ref origin, index);
        Vector128.WidenUpper(value).StoreUnsafe(ref origin, index + (nuint)Vector128<double>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> left, Vector128<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AddWherePositive(
        Vector128<float> value, Vector128<float> left, Vector128<float> right) =>
        Vector128.ConditionalSelect(Vector128.GreaterThan(value, Vector128<float>.Zero), left + right, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddWherePositive(
        Vector128<float> value, ref Vector128<float> first, Vector128<float> toFirst, ref Vector128<float> second,
        Vector128<float> toSecond)
    {
        Vector128<float> positive = Vector128.GreaterThan(value, Vector128<float>.Zero);
        first = Vector128.ConditionalSelect(positive, first + toFirst, first);
        second = Vector128.ConditionalSelect(positive, second + toSecond, second);
    }

    public static float Fold(Vector128<float> value)
    {
        Vector128<float> two = value + Vector128.Shuffle(value, Vector128.Create(2, 3, 2, 3));
        return two[0] + two[1];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Subtract(Vector128<float> left, Vector128<float> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> left, Vector128<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyWhereBelow(
        Vector128<uint> word, Vector128<uint> bound, Vector128<float> left, Vector128<float> right) => Vector128.ConditionalSelect(
        Vector128.GreaterThan(bound, word).AsSingle(), left * right, Vector128<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Divide(Vector128<float> left, Vector128<float> right) => left / right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> DivideUnlessZero(Vector128<float> left, Vector128<float> right) =>
        Vector128.ConditionalSelect(Vector128.Equals(right, Vector128<float>.Zero), left, left / right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FusedMultiplyAdd(
        Vector128<float> left, Vector128<float> right, Vector128<float> addend) =>
        Vector128.FusedMultiplyAdd(left, right, addend);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Max(Vector128<float> left, Vector128<float> right) =>
        Vector128.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Min(Vector128<float> left, Vector128<float> right) =>
        Vector128.MinNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> AsBits(Vector128<float> value) => value.AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AsFloat(Vector128<uint> value) => value.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> left, Vector128<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Subtract(Vector128<uint> left, Vector128<uint> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Min(Vector128<uint> left, Vector128<uint> right) => Vector128.Min(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> And(Vector128<uint> left, Vector128<uint> right) => left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Or(Vector128<uint> left, Vector128<uint> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> left, Vector128<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> ShiftLeft(Vector128<uint> value, int count) => value << count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RaiseLowerHalves(Vector128<uint> value) => value << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> ShiftRight(Vector128<uint> value, int count) => value >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> GreaterThan(Vector128<float> left, Vector128<float> right) =>
        Vector128.GreaterThan(left, right).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Equal(Vector128<float> left, Vector128<float> right) =>
        Vector128.Equals(left, right).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> GreaterThan(Vector128<uint> left, Vector128<uint> right) =>
        Vector128.GreaterThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> GreaterOrEqual(Vector128<uint> left, Vector128<uint> right) =>
        Vector128.GreaterThanOrEqual(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Equal(Vector128<uint> left, Vector128<uint> right) => Vector128.Equals(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Select(Vector128<uint> mask, Vector128<float> where, Vector128<float> otherwise) =>
        Vector128.ConditionalSelect(mask.AsSingle(), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Select(Vector128<uint> mask, Vector128<uint> where, Vector128<uint> otherwise) =>
        Vector128.ConditionalSelect(mask, where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SelectGreater(
        Vector128<float> left, Vector128<float> right, Vector128<float> where, Vector128<float> otherwise) =>
        Vector128.ConditionalSelect(Vector128.GreaterThan(left, right), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> SelectGreaterOrEqual(
        Vector128<uint> left, Vector128<uint> right, Vector128<float> where, Vector128<float> otherwise) =>
        Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(left, right).AsSingle(), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> BitMask(ref readonly uint words, nuint index)
    {
        uint bits = Unsafe.Add(ref Unsafe.AsRef(in words), index / 32) >> (int)(index % 32);
        Vector128<uint> own = Vector128.Create(1u, 2u, 4u, 8u);
        return Vector128.Equals(Vector128.Create(bits) & own, own);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Lanes(Vector128<uint> mask) => (uint)mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LanesGreaterOrEqual(Vector128<uint> left, Vector128<uint> right) =>
        (uint)Vector128.GreaterThanOrEqual(left, right).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSelected(Vector128<uint> mask, Vector128<uint> value, ref uint origin, nuint index)
    {
        for (uint lanes = Lanes(mask); lanes != 0; lanes &= lanes - 1)
        {
            Unsafe.Add(ref origin, index++) = value.GetElement(BitOperations.TrailingZeroCount(lanes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector128<uint>> Deal(Vector128<uint> lower, Vector128<uint> upper)
    {
        Vector128<uint> first = Vector128.Shuffle(lower, Vector128.Create(0u, 2, 1, 3));
        Vector128<uint> second = Vector128.Shuffle(upper, Vector128.Create(0u, 2, 1, 3));
        return new(
            Vector128.Create(first.GetLower(), second.GetLower()), Vector128.Create(first.GetUpper(), second.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector128<uint> Lower, Vector128<uint> Upper) Gather(Pair<Vector128<uint>> pair)
    {
        Vector128<uint> first = Vector128.Create(pair.Even.GetLower(), pair.Odd.GetLower());
        Vector128<uint> second = Vector128.Create(pair.Even.GetUpper(), pair.Odd.GetUpper());
        return (
            Vector128.Shuffle(first, Vector128.Create(0u, 2, 1, 3)),
            Vector128.Shuffle(second, Vector128.Create(0u, 2, 1, 3)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StorePastCaches(Vector128<uint> value, uint* address) =>
        value.StoreAlignedNonTemporal(address);
}
