using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>One float32, rounded to nearest even and stored, a NaN as the canonical one of the type.</summary>
internal static class StoredFloat
{
    /// <summary>Writes the first element.</summary>
    /// <returns>Whether what was stored is finite.</returns>
    public static bool Write(float value, DType dtype, Span<byte> destination)
    {
        switch (dtype)
        {
            case DType.BFloat16:
                ushort brain = NearestBFloat16(value);
                MemoryMarshal.Write(destination, brain);
                return (brain & 0x7F80) != 0x7F80;
            case DType.Float16:
                Half half = float.IsNaN(value) ? BitConverter.UInt16BitsToHalf(0x7E00) : (Half)value;
                MemoryMarshal.Write(destination, half);
                return Half.IsFinite(half);
            case DType.Float32:
                MemoryMarshal.Write(
                    destination, float.IsNaN(value) ? 0x7FC0_0000u : BitConverter.SingleToUInt32Bits(value));
                return float.IsFinite(value);
            default:
                MemoryMarshal.Write(
                    destination,
                    float.IsNaN(value) ? 0x7FF8_0000_0000_0000ul : BitConverter.DoubleToUInt64Bits(value));
                return float.IsFinite(value);
        }
    }

    /// <summary>The nearest bfloat16, by the distances to the two neighbours, which float64 holds exactly.</summary>
    public static ushort NearestBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (!float.IsFinite(value))
        {
            return float.IsNaN(value) ? (ushort)0x7FC0 : (ushort)(bits >> 16);
        }

        // Above the largest finite one the next would be 2^128, which is where infinity begins.
        uint below = (bits & 0x7FFF_FFFF) >> 16;
        double magnitude = Math.Abs((double)value);
        double down = magnitude - BitConverter.UInt32BitsToSingle(below << 16);
        double above = below == 0x7F7F ? Math.Pow(2, 128) : BitConverter.UInt32BitsToSingle((below + 1) << 16);
        double up = above - magnitude;
        uint nearest = down < up || (down == up && below % 2 == 0) ? below : below + 1;
        return (ushort)(nearest | ((bits >> 31) << 15));
    }
}
