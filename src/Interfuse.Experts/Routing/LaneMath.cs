using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Experts.Routing;

/// <summary>Sums over vectors in eight lanes, whatever the processor's width: element i goes to lane i % 8, and the
/// lanes are added up as pairs of pairs of pairs.</summary>
internal static class LaneMath
{
    private const int Lanes = 8;

    /// <summary>The sum of products, in float64.</summary>
    public static double Dot(ReadOnlySpan<double> left, ReadOnlySpan<float> right)
    {
        ref double x = ref MemoryMarshal.GetReference(left);
        ref float y = ref MemoryMarshal.GetReference(right);
        Vector512<double> sums = Vector512<double>.Zero;
        int i = 0;
        for (; i <= left.Length - Lanes; i += Lanes)
        {
            sums += Vector512.LoadUnsafe(ref x, (nuint)i) * Widen(ref y, i);
        }

        Span<double> lanes = stackalloc double[Lanes];
        sums.CopyTo(lanes);
        for (int lane = 0; i < left.Length; i++, lane++)
        {
            lanes[lane] += left[i] * right[i];
        }

        return Total(lanes);
    }

    /// <summary>Adds a multiple of a vector to another one.</summary>
    public static void AddScaled(double factor, ReadOnlySpan<float> source, Span<double> destination)
    {
        ref float x = ref MemoryMarshal.GetReference(source);
        ref double y = ref MemoryMarshal.GetReference(destination);
        int i = 0;
        for (; i <= source.Length - Lanes; i += Lanes)
        {
            (Vector512.LoadUnsafe(ref y, (nuint)i) + (Widen(ref x, i) * factor)).StoreUnsafe(ref y, (nuint)i);
        }

        for (; i < source.Length; i++)
        {
            destination[i] += source[i] * factor;
        }
    }

    private static Vector512<double> Widen(ref float origin, int index)
    {
        (Vector256<double> lower, Vector256<double> upper) =
            Vector256.Widen(Vector256.LoadUnsafe(ref origin, (nuint)index));
        return Vector512.Create(lower, upper);
    }

    private static double Total(Span<double> lanes) =>
        ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}
