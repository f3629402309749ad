using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Experts.Tests;

/// <summary>One float as it is stored, by the rules of the types and not by the product's code.</summary>
internal static class StoredValue
{
    public static float Read(ReadOnlySpan<byte> bytes, DType dtype, int index) => dtype switch
    {
        DType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Cast<byte, ushort>(bytes)[index] << 16),
        DType.Float16 => (float)MemoryMarshal.Cast<byte, Half>(bytes)[index],
        DType.Float32 => MemoryMarshal.Cast<byte, float>(bytes)[index],
        _ => (float)MemoryMarshal.Cast<byte, double>(bytes)[index],
    };

    public static float[] ReadAll(byte[] bytes, DType dtype) =>
        [.. Enumerable.Range(0, bytes.Length / dtype.Size()).Select(i => Read(bytes, dtype, i))];

    public static void Write(float value, DType dtype, Span<byte> place)
    {
        switch (dtype)
        {
            case DType.BFloat16:
                uint bits = BitConverter.SingleToUInt32Bits(value);
                bits += 0x7FFF + (bits >> 16 & 1);
                MemoryMarshal.Write(place, float.IsNaN(value) ? (ushort)0x7FC0 : (ushort)(bits >> 16));
                break;
            case DType.Float16:
                MemoryMarshal.Write(place, float.IsNaN(value) ? BitConverter.UInt16BitsToHalf(0x7E00) : (Half)value);
                break;
            case DType.Float32:
                MemoryMarshal.Write(place, float.IsNaN(value) ? BitConverter.UInt32BitsToSingle(0x7FC0_0000) : value);
                break;
            default:
                MemoryMarshal.Write(
                    place, float.IsNaN(value) ? BitConverter.UInt64BitsToDouble(0x7FF8_0000_0000_0000) : value);
                break;
        }
    }

    public static byte[] StoreAll(float[] values, DType dtype)
    {
        byte[] bytes = new byte[values.Length * dtype.Size()];
        for (int i = 0; i < values.Length; i++)
        {
            Write(values[i], dtype, bytes.AsSpan(i * dtype.Size(), dtype.Size()));
        }

        return bytes;
    }
}
