using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Contents of tensors of any type, for the conformance suite.</summary>
internal static class TensorData
{
    /// <summary>Every way to make values.</summary>
    public static readonly Func<int, int, float[]>[] Kinds =
        [Blocks.Mixed, Blocks.Plain, Blocks.Coarse, Blocks.Ties, Blocks.Nasty];

    public static readonly DType[] DTypes = [DType.BFloat16, DType.Float16, DType.Float32, DType.Float64];

    /// <summary>Around every vector length, 16-byte access, block and tile.</summary>
    public static IEnumerable<int> Lengths =>
    [
        .. Enumerable.Range(0, 41),
        .. new[] { 64, 128, 256, 512, 1024, 2048, 4096, 8192, TileGrid.TileLength }
            .SelectMany(n => Enumerable.Range(n - 1, 3)),
    ];

    /// <summary>A length near one of the borders, or any; seldom more than a tile.</summary>
    public static int RandomLength(Random random) => random.Next(16) switch
    {
        0 => (random.Next(1, 4) * TileGrid.TileLength) + random.Next(-9, 10),
        < 6 => (random.Next(1, 5) * TileGrid.BlockLength) + random.Next(-9, 10),
        < 11 => random.Next(1, 100),
        _ => random.Next(100, 5000),
    };

    /// <summary>Values of a kind as elements of a type.</summary>
    public static byte[] Stored(DType dtype, ReadOnlySpan<float> values, int seed)
    {
        var random = new Random(seed);
        byte[] bytes = new byte[values.Length * dtype.Size()];
        for (int i = 0; i < values.Length; i++)
        {
            Span<byte> element = bytes.AsSpan(i * dtype.Size());
            if (dtype == DType.Float64)
            {
                MemoryMarshal.Write(element, BetweenFloats(values[i], random));
            }
            else if (dtype == DType.Float32)
            {
                MemoryMarshal.Write(element, values[i]);
            }
            else if (float.IsNaN(values[i]))
            {
                // With the payload, which StoredFloat would take away.
                uint bits = BitConverter.SingleToUInt32Bits(values[i]) >> 16;
                uint nan = dtype == DType.BFloat16 ? 0x7F81u : 0x7C01u;
                MemoryMarshal.Write(element, (ushort)(bits | nan));
            }
            else
            {
                StoredFloat.Write(values[i], dtype, element);
            }
        }

        return bytes;
    }

    /// <summary>Elements of a random kind.</summary>
    public static byte[] Random(DType dtype, int length, Random random)
    {
        int seed = random.Next();
        return Stored(dtype, Kinds[random.Next(Kinds.Length)](length, seed), seed);
    }

    // Some as they are; some half-way to the next float32, or next to that on either side, where rounding decides.
    private static double BetweenFloats(float value, Random random)
    {
        int choice = random.Next(6);
        if (choice > 2 || !float.IsFinite(value))
        {
            return value;
        }

        double next = Math.Abs(value) == float.MaxValue
            ? Math.CopySign(Math.Pow(2, 128), value)
            : MathF.CopySign(MathF.BitIncrement(MathF.Abs(value)), value);
        double half = value + ((next - value) / 2);
        return choice switch { 0 => half, 1 => Math.BitIncrement(half), _ => Math.BitDecrement(half) };
    }
}
