using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Compute;

/// <summary>Eight counters.</summary>
internal readonly struct CounterLanes512 : ICounterLanes<Vector512<ulong>>
{
    public static int Count => Vector512<ulong>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Broadcast(ulong value) => Vector512.Create(value);

    // Each 128 bits hold one counter of the first four and one of the last four: what Store's unpacking puts in order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Consecutive(ulong first) => Vector512.Create(first) + Vector512.Create(0ul, 4, 1, 5, 2, 6, 3, 7);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Add(Vector512<ulong> left, Vector512<ulong> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Multiply(Vector512<ulong> left, Vector512<ulong> right) => Avx512F.IsSupported
        ? Avx512F.Multiply(left.AsUInt32(), right.AsUInt32())
        : Vector512.Create(
            CounterLanes256.Multiply(left.GetLower(), right.GetLower()), CounterLanes256.Multiply(left.GetUpper(), right.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Xor(Vector512<ulong> first, Vector512<ulong> second, Vector512<ulong> third) =>
        first ^ second ^ third;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Xor(Vector512<ulong> first, Vector512<ulong> second) => first ^ second;

    // Shifting would contend for the multiplier's port.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> UpperHalf(Vector512<ulong> words) =>
        Avx512F.IsSupported ? Avx512F.Shuffle(words.AsUInt32(), 0b11_11_01_01).AsUInt64() : words >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        Vector512<ulong> word0, Vector512<ulong> word1, Vector512<ulong> word2, Vector512<ulong> word3, ref uint origin, nuint index)
    {
        Vector512<ulong> lower = (word0 & Vector512.Create((ulong)uint.MaxValue)) | (word1 << 32);
        Vector512<ulong> upper = (word2 & Vector512.Create((ulong)uint.MaxValue)) | (word3 << 32);
        UnpackLow(lower, upper).AsUInt32().StoreUnsafe(ref origin, index);
        UnpackHigh(lower, upper).AsUInt32().StoreUnsafe(ref origin, index + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> UnpackLow(Vector512<ulong> left, Vector512<ulong> right) => Avx512F.IsSupported
        ? Avx512F.UnpackLow(left, right)
        : Vector512.Create(
            CounterLanes256.UnpackLow(left.GetLower(), right.GetLower()), CounterLanes256.UnpackLow(left.GetUpper(), right.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> UnpackHigh(Vector512<ulong> left, Vector512<ulong> right) => Avx512F.IsSupported
        ? Avx512F.UnpackHigh(left, right)
        : Vector512.Create(
            CounterLanes256.UnpackHigh(left.GetLower(), right.GetLower()), CounterLanes256.UnpackHigh(left.GetUpper(), right.GetUpper()));
}

/// <summary>Four counters.</summary>
internal readonly struct CounterLanes256 : ICounterLanes<Vector256<ulong>>
{
    public static int Count => Vector256<ulong>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Broadcast(ulong value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Consecutive(ulong first) => Vector256.Create(first) + Vector256.Create(0ul, 2, 1, 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Add(Vector256<ulong> left, Vector256<ulong> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Multiply(Vector256<ulong> left, Vector256<ulong> right) => Avx2.IsSupported
        ? Avx2.Multiply(left.AsUInt32(), right.AsUInt32())
        : Vector256.Create(
            CounterLanes128.Multiply(left.GetLower(), right.GetLower()), CounterLanes128.Multiply(left.GetUpper(), right.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Xor(Vector256<ulong> first, Vector256<ulong> second, Vector256<ulong> third) =>
        first ^ second ^ third;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Xor(Vector256<ulong> first, Vector256<ulong> second) => first ^ second;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> UpperHalf(Vector256<ulong> words) =>
        Avx2.IsSupported ? Avx2.Shuffle(words.AsUInt32(), 0b11_11_01_01).AsUInt64() : words >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        Vector256<ulong> word0, Vector256<ulong> word1, Vector256<ulong> word2, Vector256<ulong> word3, ref uint origin, nuint index)
    {
        Vector256<ulong> lower = (word0 & Vector256.Create((ulong)uint.MaxValue)) | (word1 << 32);
        Vector256<ulong> upper = (word2 & Vector256.Create((ulong)uint.MaxValue)) | (word3 << 32);
        UnpackLow(lower, upper).AsUInt32().StoreUnsafe(ref origin, index);
        UnpackHigh(lower, upper).AsUInt32().StoreUnsafe(ref origin, index + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> UnpackLow(Vector256<ulong> left, Vector256<ulong> right) => Avx2.IsSupported
        ? Avx2.UnpackLow(left, right)
        : Vector256.Create(
            CounterLanes128.UnpackLow(left.GetLower(), right.GetLower()), CounterLanes128.UnpackLow(left.GetUpper(), right.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> UnpackHigh(Vector256<ulong> left, Vector256<ulong> right) => Avx2.IsSupported
        ? Avx2.UnpackHigh(left, right)
        : Vector256.Create(
            CounterLanes128.UnpackHigh(left.GetLower(), right.GetLower()), CounterLanes128.UnpackHigh(left.GetUpper(), right.GetUpper()));
}

/// <summary>Two counters.</summary>
internal readonly struct CounterLanes128 : ICounterLanes<Vector128<ulong>>
{
    public static int Count => Vector128<ulong>.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Broadcast(ulong value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Consecutive(ulong first) => Vector128.Create(first, first + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Add(Vector128<ulong> left, Vector128<ulong> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Multiply(Vector128<ulong> left, Vector128<ulong> right) => Sse2.IsSupported
        ? Sse2.Multiply(left.AsUInt32(), right.AsUInt32())
        : (left & Vector128.Create((ulong)uint.MaxValue)) * (right & Vector128.Create((ulong)uint.MaxValue));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Xor(Vector128<ulong> first, Vector128<ulong> second, Vector128<ulong> third) =>
        first ^ second ^ third;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Xor(Vector128<ulong> first, Vector128<ulong> second) => first ^ second;

    public static Vector128<ulong> UpperHalf(Vector128<ulong> words) => words >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        Vector128<ulong> word0, Vector128<ulong> word1, Vector128<ulong> word2, Vector128<ulong> word3, ref uint origin, nuint index)
    {
        Vector128<ulong> lower = (word0 & Vector128.Create((ulong)uint.MaxValue)) | (word1 << 32);
        Vector128<ulong> upper = (word2 & Vector128.Create((ulong)uint.MaxValue)) | (word3 << 32);
        UnpackLow(lower, upper).AsUInt32().StoreUnsafe(ref origin, index);
        UnpackHigh(lower, upper).AsUInt32().StoreUnsafe(ref origin, index + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> UnpackLow(Vector128<ulong> left, Vector128<ulong> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left, right) : Vector128.Create(left.GetLower(), right.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<ulong> UnpackHigh(Vector128<ulong> left, Vector128<ulong> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left, right) : Vector128.Create(left.GetUpper(), right.GetUpper());
}

/// <summary>One counter without vectors.</summary>
internal readonly struct CounterLanes1 : ICounterLanes<ulong>
{
    public static int Count => 1;

    public static ulong Broadcast(ulong value) => value;

    public static ulong Consecutive(ulong first) => first;

    public static ulong Add(ulong left, ulong right) => left + right;

    public static ulong Multiply(ulong left, ulong right) => (ulong)(uint)left * (uint)right;

    public static ulong Xor(ulong first, ulong second, ulong third) => first ^ second ^ third;

    public static ulong Xor(ulong first, ulong second) => first ^ second;

    public static ulong UpperHalf(ulong words) => words >> 32;

    public static void Store(ulong word0, ulong word1, ulong word2, ulong word3, ref uint origin, nuint index)
    {
        Unsafe.Add(ref origin, index) = (uint)word0;
        Unsafe.Add(ref origin, index + 1) = (uint)word1;
        Unsafe.Add(ref origin, index + 2) = (uint)word2;
        Unsafe.Add(ref origin, index + 3) = (uint)word3;
    }
}
