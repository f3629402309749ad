using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Interfuse.Experts.Factorization;

/// <summary>Sums of products in float64 on the host, in one order on every machine.</summary>
/// <remarks>
/// Element i goes to lane i % 32, each lane takes its elements in order, and lanes are folded: 0 to 15 take 16 to 31, and
/// so on. Products are rounded before they are added. Vectors of 512 bits are what the machine makes of them; lane by lane
/// the arithmetic is the same.
/// </remarks>
internal static class HostSums
{
    private const int Lanes = 8;
    private const int Step = 4 * Lanes;

    /// <summary>The inner product.</summary>
    public static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(b.Length, a.Length);
        ref double x = ref MemoryMarshal.GetReference(a);
        ref double y = ref MemoryMarshal.GetReference(b);
        Vector512<double> sum0 = default;
        Vector512<double> sum1 = default;
        Vector512<double> sum2 = default;
        Vector512<double> sum3 = default;
        nuint i = 0;
        for (; i + Step <= (nuint)a.Length; i += Step)
        {
            sum0 += Product(ref x, ref y, i);
            sum1 += Product(ref x, ref y, i + Lanes);
            sum2 += Product(ref x, ref y, i + (2 * Lanes));
            sum3 += Product(ref x, ref y, i + (3 * Lanes));
        }

        if (i < (nuint)a.Length)
        {
            // What is not there is zero.
            Span<double> rest = stackalloc double[2 * Step];
            rest.Clear();
            a[(int)i..].CopyTo(rest);
            b[(int)i..].CopyTo(rest[Step..]);
            ref double r = ref MemoryMarshal.GetReference(rest);
            ref double s = ref Unsafe.Add(ref r, Step);
            sum0 += Product(ref r, ref s, 0);
            sum1 += Product(ref r, ref s, Lanes);
            sum2 += Product(ref r, ref s, 2 * Lanes);
            sum3 += Product(ref r, ref s, 3 * Lanes);
        }

        Vector512<double> folded = (sum0 + sum2) + (sum1 + sum3);
        Vector256<double> quarter = folded.GetLower() + folded.GetUpper();
        Vector128<double> pair = quarter.GetLower() + quarter.GetUpper();
        return pair[0] + pair[1];
    }

    /// <summary>Adds a multiple: <c>y[i] = y[i] + weight * x[i]</c>, two roundings.</summary>
    public static void AddScaled(double weight, ReadOnlySpan<double> x, Span<double> y)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(y.Length, x.Length);
        ref double from = ref MemoryMarshal.GetReference(x);
        ref double to = ref MemoryMarshal.GetReference(y);
        Vector512<double> weights = Vector512.Create(weight);
        nuint i = 0;
        for (; i + Lanes <= (nuint)x.Length; i += Lanes)
        {
            Vector512<double> sum = Vector512.LoadUnsafe(ref to, i) + (weights * Vector512.LoadUnsafe(ref from, i));
            sum.StoreUnsafe(ref to, i);
        }

        for (; i < (nuint)x.Length; i++)
        {
            Unsafe.Add(ref to, i) += weight * Unsafe.Add(ref from, i);
        }
    }

    /// <summary>Widens, which is exact.</summary>
    public static void Widen(ReadOnlySpan<float> values, Span<double> destination)
    {
        for (int i = 0; i < values.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    private static Vector512<double> Product(ref double a, ref double b, nuint index) =>
        Vector512.LoadUnsafe(ref a, index) * Vector512.LoadUnsafe(ref b, index);
}
