using System.Numerics;
using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>Looks for values that are not numbers.</summary>
internal static class FloatScan
{
    /// <summary>How many elements are NaN or infinite: those whose exponent is all ones.</summary>
    /// <param name="bytes">Whole elements, at an address that is a multiple of their size.</param>
    /// <param name="dtype">A float type of 2, 4 or 8 bytes.</param>
    public static long CountNonFinite(ReadOnlySpan<byte> bytes, DType dtype) => dtype switch
    {
        DType.BFloat16 => Count<ushort>(bytes, 0x7F80),
        DType.Float16 => Count<ushort>(bytes, 0x7C00),
        DType.Float32 => Count(bytes, 0x7F80_0000u),
        DType.Float64 => Count(bytes, 0x7FF0_0000_0000_0000ul),
        _ => throw new ArgumentException($"{dtype} is no float type to look through.", nameof(dtype)),
    };

    private static long Count<T>(ReadOnlySpan<byte> bytes, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(bytes);
        var ones = new Vector<T>(exponent);
        long count = 0;
        int place = 0;
        for (; place <= values.Length - Vector<T>.Count; place += Vector<T>.Count)
        {
            Vector<T> exponents = new Vector<T>(values[place..]) & ones;
            if (Vector.EqualsAny(exponents, ones))
            {
                count += CountEach(values.Slice(place, Vector<T>.Count), exponent);
            }
        }

        return count + CountEach(values[place..], exponent);
    }

    private static int CountEach<T>(ReadOnlySpan<T> values, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        int count = 0;
        foreach (T value in values)
        {
            count += (value & exponent) == exponent ? 1 : 0;
        }

        return count;
    }
}
