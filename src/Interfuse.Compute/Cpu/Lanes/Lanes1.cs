using System.Runtime.CompilerServices;

namespace Interfuse.Compute;

/// <summary>One lane: the scalar path, and the elements beyond the last whole vector on the others.</summary>
internal readonly struct Lanes1 : ILanes<float, uint>
{
    public static int Count => 1;

    public static float Broadcast(float value) => value;

    public static uint Broadcast(uint value) => value;

    public static float Load(ref readonly float origin, nuint index) => Read(in origin, index);

    public static uint Load(ref readonly uint origin, nuint index) => Read(in origin, index);

    public static uint Load(ref readonly ushort origin, nuint index) => Read(in origin, index);

    public static uint LoadUpper(ref readonly ushort origin, nuint index) => Load(in origin, index) << 16;

    public static float Load(ref readonly double origin, nuint index) => (float)Read(in origin, index);

    public static float LoadBFloat16(ref readonly ushort origin, nuint index) =>
        AsFloat((uint)Read(in origin, index) << 16);

    public static void Store(float value, ref float origin, nuint index) => Write(value, ref origin, index);

    public static void Store(uint value, ref uint origin, nuint index) => Write(value, ref origin, index);

    public static void Store(uint value, ref uint origin, nuint index, bool pastCaches) =>
        Write(value, ref origin, index);

    public static void Store(uint value, ref ushort origin, nuint index) => Write((ushort)value, ref origin, index);

    public static void StoreUpper(uint value, ref ushort origin, nuint index, bool pastCaches) =>
        Write((ushort)(value >> 16), ref origin, index);

    public static void Store(float value, ref double origin, nuint index) => Write((double)value, ref origin, index);

    public static float Add(float left, float right) => left + right;

    public static float AddWherePositive(float value, float left, float right) => value > 0f ? left + right : left;

    public static void AddWherePositive(
        float value, ref float first, float toFirst, ref float second, float toSecond)
    {
        if (value > 0f)
        {
            first += toFirst;
            second += toSecond;
        }
    }

    public static float Fold(float value) => value;

    public static float Subtract(float left, float right) => left - right;

    public static float Multiply(float left, float right) => left * right;

    public static float MultiplyWhereBelow(uint word, uint bound, float left, float right) =>
        word < bound ? left * right : 0f;

    public static float Divide(float left, float right) => left / right;

    public static float DivideUnlessZero(float left, float right) => right == 0f ? left : left / right;

    public static float FusedMultiplyAdd(float left, float right, float addend) =>
        MathF.FusedMultiplyAdd(left, right, addend);

    public static float Max(float left, float right) => float.MaxNative(left, right);

    public static float Min(float left, float right) => float.MinNative(left, right);

    public static uint AsBits(float value) => BitConverter.SingleToUInt32Bits(value);

    public static float AsFloat(uint value) => BitConverter.UInt32BitsToSingle(value);

    public static uint Add(uint left, uint right) => left + right;

    public static uint Subtract(uint left, uint right) => left - right;

    public static uint Min(uint left, uint right) => Math.Min(left, right);

    public static uint And(uint left, uint right) => left & right;

    public static uint Or(uint left, uint right) => left | right;

    public static uint Xor(uint left, uint right) => left ^ right;

    public static uint ShiftLeft(uint value, int count) => value << count;

    public static uint RaiseLowerHalves(uint value) => value << 16;

    public static uint ShiftRight(uint value, int count) => value >>> count;

    public static uint GreaterThan(float left, float right) => Mask(left > right);

    public static uint Equal(float left, float right) => Mask(left == right);

    public static uint GreaterThan(uint left, uint right) => Mask(left > right);

    public static uint GreaterOrEqual(uint left, uint right) => Mask(left >= right);

    public static uint Equal(uint left, uint right) => Mask(left == right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Select(uint mask, float where, float otherwise) =>
        AsFloat(Select(mask, AsBits(where), AsBits(otherwise)));

    public static uint Select(uint mask, uint where, uint otherwise) => (mask & where) | (~mask & otherwise);

    public static float SelectGreater(float left, float right, float where, float otherwise) =>
        left > right ? where : otherwise;

    public static float SelectGreaterOrEqual(uint left, uint right, float where, float otherwise) =>
        left >= right ? where : otherwise;

    public static uint LanesGreaterOrEqual(uint left, uint right) => left >= right ? 1u : 0u;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint BitMask(ref readonly uint words, nuint index) =>
        0u - ((Read(in words, index / 32) >> (int)(index % 32)) & 1u);

    public static uint Lanes(uint mask) => mask & 1;

    public static void StoreSelected(uint mask, uint value, ref uint origin, nuint index)
    {
        if (mask != 0)
        {
            Write(value, ref origin, index);
        }
    }

    // Arithmetic instead of branches, which a mask of noise would mispredict half the time.
    private static uint Mask(bool condition) => (uint)-(condition ? 1 : 0);

    // The bytes of a checkpoint lie where its file puts them: nothing promises that a value is aligned.
    private static T Read<T>(ref readonly T origin, nuint index)
        where T : unmanaged =>
        Unsafe.ReadUnaligned<T>(in Unsafe.As<T, byte>(ref Unsafe.Add(ref Unsafe.AsRef(in origin), index)));

    private static void Write<T>(T value, ref T origin, nuint index)
        where T : unmanaged =>
        Unsafe.WriteUnaligned(ref Unsafe.As<T, byte>(ref Unsafe.Add(ref origin, index)), value);
}
