using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Matrices and banks for the operations on several experts.</summary>
internal static class ExpertData
{
    public static DType[] Types => [DType.BFloat16, DType.Float16, DType.Float32, DType.Float64];

    public static byte[] Stored(ReadOnlySpan<float> values, DType dtype)
    {
        byte[] bytes = new byte[values.Length * dtype.Size()];
        for (int i = 0; i < values.Length; i++)
        {
            StoredFloat.Write(values[i], dtype, bytes.AsSpan(i * dtype.Size()));
        }

        return bytes;
    }

    /// <summary>A bank whose index names any row for any expert.</summary>
    public static (Place Rows, Place Index) Bank(
        SideBySide both, byte[] rows, DType dtype, int columns, int experts, int channels, int offset, int seed)
    {
        var random = new Random(seed);
        int bankRows = rows.Length / dtype.Size() / columns;
        int[] index = [.. Enumerable.Range(0, experts * channels).Select(_ => random.Next(bankRows))];
        return (both.Add(dtype, rows, offset), both.Add(DType.Int32, MemoryMarshal.AsBytes<int>(index), offset));
    }

    /// <summary>A batch's experts by a popularity: all different as far as there are so many, all the same, or random.</summary>
    public static int[] Batch(int batch, int experts, string popularity)
    {
        var random = new Random(batch);
        return [.. Enumerable.Range(0, batch).Select(
            b => popularity == "distinct" ? b % experts : popularity == "identical" ? experts - 1 : random.Next(experts))];
    }

    /// <summary>Products of these with others are far below the smallest denormal: one that rounds to -0 must not be
    /// followed by what isn't there.</summary>
    public static float[] Tiny(int length, int seed) =>
        Array.ConvertAll(Blocks.Plain(length, seed), value => value * 1e-30f);
}
