using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Compute;

/// <summary>Sixteen lanes in a vector of 512 bits.</summary>
internal readonly struct Lanes512 : ILanes<Vector512<float>, Vector512<uint>>, IPairable<Vector512<uint>>
{
    public static int Count => Vector512<float>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Broadcast(uint value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ref readonly float origin, nuint index) =>
        Vector512.LoadUnsafe(in origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Load(ref readonly uint origin, nuint index) => Vector512.LoadUnsafe(in origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Load(ref readonly ushort origin, nuint index) =>
        Vector512.WidenLower(Vector256.LoadUnsafe(in origin, index).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> LoadUpper(ref readonly ushort origin, nuint index) => Load(in origin, index) << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(ref readonly double origin, nuint index) => Vector512.Narrow(
        Vector512.LoadUnsafe(in origin, index),
        Vector512.LoadUnsafe(in origin, index + (nuint)Vector512<double>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadBFloat16(ref readonly ushort origin, nuint index) =>
        (Load(in origin, index) << 16).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ref float origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<uint> value, ref uint origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<uint> value, ref uint origin, nuint index, bool pastCaches) =>
        Store(value, ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<uint> value, ref ushort origin, nuint index) =>
        (Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(value)
            : Vector256.Narrow(value.GetLower(), value.GetUpper())).StoreUnsafe(ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreUpper(Vector512<uint> value, ref ushort origin, nuint index, bool pastCaches) =>
        Store(value >>> 16, ref origin, index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, ref double origin, nuint index)
    {
        Vector512.WidenLower(value).StoreUnsafe(ref origin, index);
        Vector512.WidenUpper(value).StoreUnsafe(ref origin, index + (nuint)Vector512<double>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> left, Vector512<float> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AddWherePositive(
        Vector512<float> value, Vector512<float> left, Vector512<float> right) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(value, Vector512<float>.Zero), left + right, left);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddWherePositive(
        Vector512<float> value, ref Vector512<float> first, Vector512<float> toFirst, ref Vector512<float> second,
        Vector512<float> toSecond)
    {
        // Said so, the mask stays in a mask register although two blends need it.
        if (Avx512F.IsSupported)
        {
            Vector512<float> mask = Avx512F.CompareGreaterThan(value, Vector512<float>.Zero);
            first = Avx512F.BlendVariable(first, first + toFirst, mask);
            second = Avx512F.BlendVariable(second, second + toSecond, mask);
            return;
        }

        Vector512<float> positive = Vector512.GreaterThan(value, Vector512<float>.Zero);
        first = Vector512.ConditionalSelect(positive, first + toFirst, first);
        second = Vector512.ConditionalSelect(positive, second + toSecond, second);
    }

    public static float Fold(Vector512<float> value) => Lanes256.Fold(value.GetLower() + value.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Subtract(Vector512<float> left, Vector512<float> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Multiply(Vector512<float> left, Vector512<float> right) => left * right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyWhereBelow(
        Vector512<uint> word, Vector512<uint> bound, Vector512<float> left, Vector512<float> right) => Vector512.ConditionalSelect(
        Vector512.GreaterThan(bound, word).AsSingle(), left * right, Vector512<float>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Divide(Vector512<float> left, Vector512<float> right) => left / right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> DivideUnlessZero(Vector512<float> left, Vector512<float> right) =>
        Avx512F.IsSupported
            ? Vector512.ConditionalSelect(Avx512F.CompareNotEqual(right, Vector512<float>.Zero), left / right, left)
            : Vector512.ConditionalSelect(Vector512.Equals(right, Vector512<float>.Zero), left, left / right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> FusedMultiplyAdd(
        Vector512<float> left, Vector512<float> right, Vector512<float> addend) =>
        Vector512.FusedMultiplyAdd(left, right, addend);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Max(Vector512<float> left, Vector512<float> right) =>
        Vector512.MaxNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Min(Vector512<float> left, Vector512<float> right) =>
        Vector512.MinNative(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> AsBits(Vector512<float> value) => value.AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> AsFloat(Vector512<uint> value) => value.AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> left, Vector512<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Subtract(Vector512<uint> left, Vector512<uint> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Min(Vector512<uint> left, Vector512<uint> right) => Vector512.Min(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> And(Vector512<uint> left, Vector512<uint> right) => left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Or(Vector512<uint> left, Vector512<uint> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> left, Vector512<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> ShiftLeft(Vector512<uint> value, int count) => value << count;

    // Shifting would contend for the additions' ports.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RaiseLowerHalves(Vector512<uint> value) =>
        Avx512F.IsSupported ? Avx512F.RotateLeft(value, 16) : value << 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> ShiftRight(Vector512<uint> value, int count) => value >>> count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> GreaterThan(Vector512<float> left, Vector512<float> right) =>
        Vector512.GreaterThan(left, right).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Equal(Vector512<float> left, Vector512<float> right) =>
        Vector512.Equals(left, right).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> GreaterThan(Vector512<uint> left, Vector512<uint> right) =>
        Vector512.GreaterThan(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> GreaterOrEqual(Vector512<uint> left, Vector512<uint> right) =>
        Vector512.GreaterThanOrEqual(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Equal(Vector512<uint> left, Vector512<uint> right) => Vector512.Equals(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Select(Vector512<uint> mask, Vector512<float> where, Vector512<float> otherwise) =>
        Vector512.ConditionalSelect(mask.AsSingle(), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Select(Vector512<uint> mask, Vector512<uint> where, Vector512<uint> otherwise) =>
        Vector512.ConditionalSelect(mask, where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SelectGreater(
        Vector512<float> left, Vector512<float> right, Vector512<float> where, Vector512<float> otherwise) =>
        Vector512.ConditionalSelect(Vector512.GreaterThan(left, right), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> SelectGreaterOrEqual(
        Vector512<uint> left, Vector512<uint> right, Vector512<float> where, Vector512<float> otherwise) =>
        Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(left, right).AsSingle(), where, otherwise);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> BitMask(ref readonly uint words, nuint index)
    {
        uint bits = Unsafe.ReadUnaligned<ushort>(
            in Unsafe.AddByteOffset(ref Unsafe.As<uint, byte>(ref Unsafe.AsRef(in words)), index / 8));
        Vector512<uint> own = Vector512.Create(
            1u, 1u << 1, 1u << 2, 1u << 3, 1u << 4, 1u << 5, 1u << 6, 1u << 7,
            1u << 8, 1u << 9, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15);
        return Vector512.Equals(Vector512.Create(bits) & own, own);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Lanes(Vector512<uint> mask) => (uint)mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LanesGreaterOrEqual(Vector512<uint> left, Vector512<uint> right) =>
        (uint)Vector512.GreaterThanOrEqual(left, right).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreSelected(Vector512<uint> mask, Vector512<uint> value, ref uint origin, nuint index)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.Compress(Vector512<uint>.Zero, mask, value).StoreUnsafe(ref origin, index);
            return;
        }

        for (uint lanes = Lanes(mask); lanes != 0; lanes &= lanes - 1)
        {
            Unsafe.Add(ref origin, index++) = value.GetElement(BitOperations.TrailingZeroCount(lanes));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pair<Vector512<uint>> Deal(Vector512<uint> lower, Vector512<uint> upper)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<uint> places = Vector512<uint>.Indices << 1;
            return new(
                Avx512F.PermuteVar16x32x2(lower, places, upper),
                Avx512F.PermuteVar16x32x2(lower, places | Vector512<uint>.One, upper));
        }

        Pair<Vector256<uint>> first = Lanes256.Deal(lower.GetLower(), lower.GetUpper());
        Pair<Vector256<uint>> second = Lanes256.Deal(upper.GetLower(), upper.GetUpper());
        return new(Vector512.Create(first.Even, second.Even), Vector512.Create(first.Odd, second.Odd));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<uint> Lower, Vector512<uint> Upper) Gather(Pair<Vector512<uint>> pair)
    {
        if (Avx512F.IsSupported)
        {
            // An odd place is the one before it in the other vector.
            Vector512<uint> places =
                (Vector512<uint>.Indices >>> 1) | ((Vector512<uint>.Indices & Vector512<uint>.One) << 4);
            return (
                Avx512F.PermuteVar16x32x2(pair.Even, places, pair.Odd),
                Avx512F.PermuteVar16x32x2(pair.Even, places + Vector512.Create(8u), pair.Odd));
        }

        (Vector256<uint> first, Vector256<uint> second) =
            Lanes256.Gather(new(pair.Even.GetLower(), pair.Odd.GetLower()));
        (Vector256<uint> third, Vector256<uint> fourth) =
            Lanes256.Gather(new(pair.Even.GetUpper(), pair.Odd.GetUpper()));
        return (Vector512.Create(first, second), Vector512.Create(third, fourth));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StorePastCaches(Vector512<uint> value, uint* address) =>
        value.StoreAlignedNonTemporal(address);
}
