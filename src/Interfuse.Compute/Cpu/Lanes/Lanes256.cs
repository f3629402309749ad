using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

/// <summary>Eight lanes in a vector of 256 bits.</summary>
internal readonly struct Lanes256 : ILanes<Vector256<float>, Vector256<uint>>, IPairable<Vector256<uint>>
{
    public static int Count => Vector256<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Broadcast(uint value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(ref readonly float origin, nuint index) =>
        Vector256.LoadUnsafe(in origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Load(ref readonly uint origin, nuint index) => Vector256.LoadUnsafe(in origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Load(ref readonly ushort origin, nuint index) =>
        Vector256.WidenLower(Vector128.LoadUnsafe(in origin, index).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> LoadUpper(ref readonly ushort origin, nuint index) => Load(in origin, index) << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(ref readonly double origin, nuint index) => Vector256.Narrow(
        Vector256.LoadUnsafe(in origin, index),
        Vector256.LoadUnsafe(in origin, index + (nuint)Vector256<double>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadBFloat16(ref readonly ushort origin, nuint index) =>
        (Load(in origin, index) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, ref float origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint> value, ref uint origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint> value, ref uint origin, nuint index, bool pastCaches) =>
        Store(value, ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<uint> value, ref ushort origin, nuint index) =>
        Vector128.Narrow(value.GetLower(), value.GetUpper()).StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpper(Vector256<uint> value, ref ushort origin, nuint index, bool pastCaches) =>
        Store(value >>> 16, ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, ref double origin, nuint index)
    {
        Vector256.WidenLower(value).StoreUnsafe(ref origin, index);
        Vector256.WidenUpper(value).StoreUnsafe(ref origin, index + (nuint)Vector256<double>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> left, Vector256<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddWherePositive(
        Vector256<float> value, Vector256<float> left, Vector256<float> right) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(value, Vector256<float>.Zero), left + right, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddWherePositive(
        Vector256<float> value, ref Vector256<float> first, Vector256<float> toFirst, ref Vector256<float> second,
        Vector256<float> toSecond)
    {
        Vector256<float> positive = Vector256.GreaterThan(value, Vector256<float>.Zero);
        first = Vector256.ConditionalSelect(positive, first + toFirst, first);
        second = Vector256.ConditionalSelect(positive, second + toSecond, second);
    }

    public static float Fold(Vector256<float> value) => Lanes128.Fold(value.GetLower() + value.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> left, Vector256<float> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> left, Vector256<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyWhereBelow(
        Vector256<uint> word, Vector256<uint> bound, Vector256<float> left, Vector256<float> right) => Vector256.ConditionalSelect(
        Vector256.GreaterThan(bound, word).AsSingle(), left * right, Vector256<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Divide(Vector256<float> left, Vector256<float> right) => left / right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> DivideUnlessZero(Vector256<float> left, Vector256<float> right) =>
        Vector256.ConditionalSelect(Vector256.Equals(right, Vector256<float>.Zero), left, left / right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> FusedMultiplyAdd(
        Vector256<float> left, Vector256<float> right, Vector256<float> addend) =>
        Vector256.FusedMultiplyAdd(left, right, addend);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> left, Vector256<float> right) =>
        Vector256.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Min(Vector256<float> left, Vector256<float> right) =>
        Vector256.MinNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> AsBits(Vector256<float> value) => value.AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AsFloat(Vector256<uint> value) => value.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Subtract(Vector256<uint> left, Vector256<uint> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Min(Vector256<uint> left, Vector256<uint> right) => Vector256.Min(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> And(Vector256<uint> left, Vector256<uint> right) => left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Or(Vector256<uint> left, Vector256<uint> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> left, Vector256<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> ShiftLeft(Vector256<uint> value, int count) => value << count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RaiseLowerHalves(Vector256<uint> value) => value << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> ShiftRight(Vector256<uint> value, int count) => value >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> GreaterThan(Vector256<float> left, Vector256<float> right) =>
        Vector256.GreaterThan(left, right).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Equal(Vector256<float> left, Vector256<float> right) =>
        Vector256.Equals(left, right).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> GreaterThan(Vector256<uint> left, Vector256<uint> right) =>
        Vector256.GreaterThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> GreaterOrEqual(Vector256<uint> left, Vector256<uint> right) =>
        Vector256.GreaterThanOrEqual(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Equal(Vector256<uint> left, Vector256<uint> right) => Vector256.Equals(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Select(Vector256<uint> mask, Vector256<float> where, Vector256<float> otherwise) =>
        Vector256.ConditionalSelect(mask.AsSingle(), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Select(Vector256<uint> mask, Vector256<uint> where, Vector256<uint> otherwise) =>
        Vector256.ConditionalSelect(mask, where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SelectGreater(
        Vector256<float> left, Vector256<float> right, Vector256<float> where, Vector256<float> otherwise) =>
        Vector256.ConditionalSelect(Vector256.GreaterThan(left, right), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> SelectGreaterOrEqual(
        Vector256<uint> left, Vector256<uint> right, Vector256<float> where, Vector256<float> otherwise) =>
        Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(left, right).AsSingle(), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> BitMask(ref readonly uint words, nuint index)
    {
        uint bits = Unsafe.ReadUnaligned<byte>(
            in Unsafe.AddByteOffset(ref Unsafe.As<uint, byte>(ref Unsafe.AsRef(in words)), index / 8));
        Vector256<uint> own = Vector256.Create(1u, 2u, 4u, 8u, 16u, 32u, 64u, 128u);
        return Vector256.Equals(Vector256.Create(bits) & own, own);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Lanes(Vector256<uint> mask) => (uint)mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LanesGreaterOrEqual(Vector256<uint> left, Vector256<uint> right) =>
        (uint)Vector256.GreaterThanOrEqual(left, right).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSelected(Vector256<uint> mask, Vector256<uint> value, ref uint origin, nuint index)
    {
        for (uint lanes = Lanes(mask); lanes != 0; lanes &= lanes - 1)
        {
            Unsafe.Add(ref origin, index++) = value.GetElement(BitOperations.TrailingZeroCount(lanes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector256<uint>> Deal(Vector256<uint> lower, Vector256<uint> upper)
    {
        Vector256<uint> first = Vector256.Shuffle(lower, Vector256.Create(0u, 2, 4, 6, 1, 3, 5, 7));
        Vector256<uint> second = Vector256.Shuffle(upper, Vector256.Create(0u, 2, 4, 6, 1, 3, 5, 7));
        return new(
            Vector256.Create(first.GetLower(), second.GetLower()), Vector256.Create(first.GetUpper(), second.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector256<uint> Lower, Vector256<uint> Upper) Gather(Pair<Vector256<uint>> pair)
    {
        Vector256<uint> first = Vector256.Create(pair.Even.GetLower(), pair.Odd.GetLower());
        Vector256<uint> second = Vector256.Create(pair.Even.GetUpper(), pair.Odd.GetUpper());
        return (
            Vector256.Shuffle(first, Vector256.Create(0u, 4, 1, 5, 2, 6, 3, 7)),
            Vector256.Shuffle(second, Vector256.Create(0u, 4, 1, 5, 2, 6, 3, 7)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StorePastCaches(Vector256<uint> value, uint* address) =>
        value.StoreAlignedNonTemporal(address);
}
