using Interfuse.Checkpoints;

namespace Interfuse.Compute.Benchmarking;

/// <summary>The values of a benchmark's tensors: functions of the index, so that any part can be made again.</summary>
internal static class InputValues
{
    // Standard deviations of a base and of what an expert adds: those of an ordinary language model, roughly.
    private const float BaseSpread = 0.02f;
    private const float DeltaSpread = 0.002f;

    // Four 16-bit numbers add up to this on average, with this deviation.
    private const float SumMean = 2f * ushort.MaxValue;
    private const float SumDeviation = 37837f;

    private static readonly CpuKernels Kernels = new();
    private static readonly float[] Few = [0f, 0.01f, -0.01f, 0.02f];

    /// <summary>Fills in consecutive elements of a tensor as stored values.</summary>
    /// <param name="pattern">What the tensors hold.</param>
    /// <param name="tensor">0 for the base, 1 and up for the experts.</param>
    /// <param name="dtype">The type to store.</param>
    /// <param name="first">The index of the first element.</param>
    /// <param name="total">How many elements the whole tensor has.</param>
    /// <param name="destination">Receives the bytes.</param>
    public static void Fill(
        InputPattern pattern, int tensor, DType dtype, long first, long total, byte[] destination)
    {
        int size = dtype.Size();
        int length = destination.Length / size;
        Parallel.For(0, (length + TileGrid.TileLength - 1) / TileGrid.TileLength, tile =>
        {
            Span<float> values = stackalloc float[TileGrid.BlockLength];
            int end = Math.Min((tile + 1) * TileGrid.TileLength, length);
            for (int start = tile * TileGrid.TileLength; start < end; start += TileGrid.BlockLength)
            {
                Span<float> block = values[..Math.Min(TileGrid.BlockLength, end - start)];
                Fill(pattern, tensor, first + start, total, block);
                Kernels.Narrow(block, dtype, destination.AsSpan(start * size, block.Length * size));
            }
        });
    }

    /// <summary>Fills in consecutive elements of a tensor.</summary>
    public static void Fill(InputPattern pattern, int tensor, long first, long total, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = pattern switch
            {
                InputPattern.Random => RandomValue(tensor, first + i),
                InputPattern.AllEqual => tensor == 0 ? 0.01f : 0.0125f,
                InputPattern.SharedLeadingBits => tensor == 0 ? TinyValue(first + i) : 1f,
                InputPattern.FewValues => tensor == 0 ? 0f : Few[Hash(tensor, first + i) & 3],
                _ => tensor == 0 ? 0f : (float)((first + i + 1) / (double)total),
            };
        }
    }

    private static float RandomValue(int tensor, long index)
    {
        float baseValue = BaseSpread * Bell(Hash(0, index));
        return tensor == 0 ? baseValue : baseValue + (DeltaSpread * Bell(Hash(tensor, index)));
    }

    // 2^-24 to 2^-13, exact in bfloat16. What is left of 1 without it is a float32 with the same upper 16 bits.
    private static float TinyValue(long index)
    {
        uint random = (uint)Hash(0, index);
        uint exponent = 127 - 24 + ((random >> 7) % 11);
        return BitConverter.UInt32BitsToSingle((exponent << 23) | ((random & 0x7F) << 16));
    }

    // Nearly normal, with mean 0 and deviation 1.
    private static float Bell(ulong random)
    {
        uint sum = (ushort)random + (uint)(ushort)(random >> 16) + (ushort)(random >> 32) + (ushort)(random >> 48);
        return (sum - SumMean) / SumDeviation;
    }

    // The output function of SplitMix64 (Steele, Lea, Flood: OOPSLA 2014).
    private static ulong Hash(int tensor, long index)
    {
        ulong z = ((ulong)index + ((ulong)tensor << 48) + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
