using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Compute;

/// <summary>Eight float64 lanes in a vector of 512 bits.</summary>
internal readonly struct DoubleLanes512 : IDoubleLanes<Vector512<double>>
{
    public static int Count => Vector512<double>.Count;

    public static Vector512<double> Load(ref readonly double origin, nuint index) =>
        Vector512.LoadUnsafe(in origin, index);

    public static Vector512<double> Load(ref readonly float origin, nuint index) =>
        Vector512.WidenLower(Vector256.LoadUnsafe(in origin, index).ToVector512Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> LoadBFloat16(ref readonly ushort origin, nuint index) =>
        Vector512.WidenLower((Vector256.WidenLower(Vector128.LoadUnsafe(in origin, index).ToVector256Unsafe()) << 16)
            .AsSingle().ToVector512Unsafe());

    public static void Store(Vector512<double> value, ref double origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    public static Vector512<double> Add(Vector512<double> left, Vector512<double> right) => left + right;

    public static Vector512<double> Multiply(Vector512<double> left, Vector512<double> right) => left * right;

    public static Vector512<double> Abs(Vector512<double> value) => Vector512.Abs(value);
}

/// <summary>Four float64 lanes in a vector of 256 bits.</summary>
internal readonly struct DoubleLanes256 : IDoubleLanes<Vector256<double>>
{
    public static int Count => Vector256<double>.Count;

    public static Vector256<double> Load(ref readonly double origin, nuint index) =>
        Vector256.LoadUnsafe(in origin, index);

    public static Vector256<double> Load(ref readonly float origin, nuint index) =>
        Vector256.WidenLower(Vector128.LoadUnsafe(in origin, index).ToVector256Unsafe());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> LoadBFloat16(ref readonly ushort origin, nuint index) =>
        Vector256.WidenLower((Vector128.WidenLower(Vector64.LoadUnsafe(in origin, index).ToVector128Unsafe()) << 16)
            .AsSingle().ToVector256Unsafe());

    public static void Store(Vector256<double> value, ref double origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    public static Vector256<double> Add(Vector256<double> left, Vector256<double> right) => left + right;

    public static Vector256<double> Multiply(Vector256<double> left, Vector256<double> right) => left * right;

    public static Vector256<double> Abs(Vector256<double> value) => Vector256.Abs(value);
}

/// <summary>Two float64 lanes in a vector of 128 bits.</summary>
internal readonly struct DoubleLanes128 : IDoubleLanes<Vector128<double>>
{
    public static int Count => Vector128<double>.Count;

    public static Vector128<double> Load(ref readonly double origin, nuint index) =>
        Vector128.LoadUnsafe(in origin, index);

    public static Vector128<double> Load(ref readonly float origin, nuint index) =>
        Vector128.WidenLower(Vector64.LoadUnsafe(in origin, index).ToVector128Unsafe());

    public static Vector128<double> LoadBFloat16(ref readonly ushort origin, nuint index) => Vector128.Create(
        DoubleLanes1.LoadBFloat16(in origin, index), DoubleLanes1.LoadBFloat16(in origin, index + 1));

    public static void Store(Vector128<double> value, ref double origin, nuint index) =>
        value.StoreUnsafe(ref origin, index);

    public static Vector128<double> Add(Vector128<double> left, Vector128<double> right) => left + right;

    public static Vector128<double> Multiply(Vector128<double> left, Vector128<double> right) => left * right;

    public static Vector128<double> Abs(Vector128<double> value) => Vector128.Abs(value);
}

/// <summary>
/// One float64 lane: the scalar path, and the elements beyond the last whole row of lanes on the others.
/// </summary>
internal readonly struct DoubleLanes1 : IDoubleLanes<double>
{
    public static int Count => 1;

    public static double Load(ref readonly double origin, nuint index) =>
        Unsafe.Add(ref Unsafe.AsRef(in origin), index);

    public static double Load(ref readonly float origin, nuint index) => Unsafe.Add(ref Unsafe.AsRef(in origin), index);

    public static double LoadBFloat16(ref readonly ushort origin, nuint index) =>
        BitConverter.UInt32BitsToSingle(Lanes1.Load(in origin, index) << 16);

    public static void Store(double value, ref double origin, nuint index) => Unsafe.Add(ref origin, index) = value;

    public static double Add(double left, double right) => left + right;

    public static double Multiply(double left, double right) => left * right;

    public static double Abs(double value) => Math.Abs(value);
}
