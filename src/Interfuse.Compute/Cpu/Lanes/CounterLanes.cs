using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Interfuse.Compute;

/// <summary>Four counters in a vector of 512 bits.</summary>
internal readonly struct CounterLanes512 : ICounterLanes<Vector512<ulong>>
{
    public static int Words => Vector512<uint>.Count;

    public static Vector512<ulong> Broadcast(ulong lower, ulong upper) =>
        Vector512.Create(Vector128.Create(lower, upper));

    public static Vector512<ulong> AddLane(Vector512<ulong> counters) =>
        counters + Vector512.Create(0ul, 0, 1, 0, 2, 0, 3, 0);

    public static Vector512<ulong> AddWords(Vector512<ulong> left, Vector512<ulong> right) =>
        (left.AsUInt32() + right.AsUInt32()).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> MultiplyLower(Vector512<ulong> left, Vector512<ulong> right) => Avx512F.IsSupported
        ? Avx512F.Multiply(left.AsUInt32(), right.AsUInt32())
        : (left & Vector512.Create((ulong)uint.MaxValue)) * (right & Vector512.Create((ulong)uint.MaxValue));

    public static Vector512<ulong> Xor(Vector512<ulong> left, Vector512<ulong> right) => left ^ right;

    public static Vector512<ulong> UpperToLower(Vector512<ulong> counters) => counters >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> Reverse(Vector512<ulong> counters) =>
        Vector512.Shuffle(
            counters.AsUInt32(), Vector512.Create(3u, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12)).AsUInt64();

    public static void Store(Vector512<ulong> counters, ref uint origin, nuint index) =>
        counters.AsUInt32().StoreUnsafe(ref origin, index);
}

/// <summary>Two counters in a vector of 256 bits.</summary>
internal readonly struct CounterLanes256 : ICounterLanes<Vector256<ulong>>
{
    public static int Words => Vector256<uint>.Count;

    public static Vector256<ulong> Broadcast(ulong lower, ulong upper) =>
        Vector256.Create(Vector128.Create(lower, upper));

    public static Vector256<ulong> AddLane(Vector256<ulong> counters) => counters + Vector256.Create(0ul, 0, 1, 0);

    public static Vector256<ulong> AddWords(Vector256<ulong> left, Vector256<ulong> right) =>
        (left.AsUInt32() + right.AsUInt32()).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> MultiplyLower(Vector256<ulong> left, Vector256<ulong> right) => Avx2.IsSupported
        ? Avx2.Multiply(left.AsUInt32(), right.AsUInt32())
        : (left & Vector256.Create((ulong)uint.MaxValue)) * (right & Vector256.Create((ulong)uint.MaxValue));

    public static Vector256<ulong> Xor(Vector256<ulong> left, Vector256<ulong> right) => left ^ right;

    public static Vector256<ulong> UpperToLower(Vector256<ulong> counters) => counters >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Reverse(Vector256<ulong> counters) =>
        Vector256.Shuffle(counters.AsUInt32(), Vector256.Create(3u, 2, 1, 0, 7, 6, 5, 4)).AsUInt64();

    public static void Store(Vector256<ulong> counters, ref uint origin, nuint index) =>
        counters.AsUInt32().StoreUnsafe(ref origin, index);
}

/// <summary>One counter in a vector of 128 bits.</summary>
internal readonly struct CounterLanes128 : ICounterLanes<Vector128<ulong>>
{
    public static int Words => Vector128<uint>.Count;

    public static Vector128<ulong> Broadcast(ulong lower, ulong upper) => Vector128.Create(lower, upper);

    public static Vector128<ulong> AddLane(Vector128<ulong> counters) => counters;

    public static Vector128<ulong> AddWords(Vector128<ulong> left, Vector128<ulong> right) =>
        (left.AsUInt32() + right.AsUInt32()).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> MultiplyLower(Vector128<ulong> left, Vector128<ulong> right) => Sse2.IsSupported
        ? Sse2.Multiply(left.AsUInt32(), right.AsUInt32())
        : (left & Vector128.Create((ulong)uint.MaxValue)) * (right & Vector128.Create((ulong)uint.MaxValue));

    public static Vector128<ulong> Xor(Vector128<ulong> left, Vector128<ulong> right) => left ^ right;

    public static Vector128<ulong> UpperToLower(Vector128<ulong> counters) => counters >>> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Reverse(Vector128<ulong> counters) =>
        Vector128.Shuffle(counters.AsUInt32(), Vector128.Create(3u, 2, 1, 0)).AsUInt64();

    public static void Store(Vector128<ulong> counters, ref uint origin, nuint index) =>
        counters.AsUInt32().StoreUnsafe(ref origin, index);
}

/// <summary>The four words of a counter as two halves.</summary>
internal readonly record struct Counter(ulong Lower, ulong Upper);

/// <summary>One counter without vectors.</summary>
internal readonly struct CounterLanes1 : ICounterLanes<Counter>
{
    public static int Words => 4;

    public static Counter Broadcast(ulong lower, ulong upper) => new(lower, upper);

    public static Counter AddLane(Counter counters) => counters;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Counter AddWords(Counter left, Counter right) =>
        new(AddWords(left.Lower, right.Lower), AddWords(left.Upper, right.Upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Counter MultiplyLower(Counter left, Counter right) =>
        new((ulong)(uint)left.Lower * (uint)right.Lower, (ulong)(uint)left.Upper * (uint)right.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Counter Xor(Counter left, Counter right) => new(left.Lower ^ right.Lower, left.Upper ^ right.Upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Counter UpperToLower(Counter counters) => new(counters.Lower >> 32, counters.Upper >> 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Counter Reverse(Counter counters) =>
        new(ulong.RotateLeft(counters.Upper, 32), ulong.RotateLeft(counters.Lower, 32));

    public static void Store(Counter counters, ref uint origin, nuint index)
    {
        Unsafe.Add(ref origin, index) = (uint)counters.Lower;
        Unsafe.Add(ref origin, index + 1) = (uint)(counters.Lower >> 32);
        Unsafe.Add(ref origin, index + 2) = (uint)counters.Upper;
        Unsafe.Add(ref origin, index + 3) = (uint)(counters.Upper >> 32);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong AddWords(ulong left, ulong right) =>
        ((ulong)((uint)(left >> 32) + (uint)(right >> 32)) << 32) | ((uint)left + (uint)right);
}
