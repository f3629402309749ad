namespace Interfuse.Compute.Tests;

/// <summary>Test data: block lengths, and float32 values of every unpleasant kind.</summary>
internal static class Blocks
{
    private static readonly float[] Specials =
    [
        0f, -0f, float.NaN, -float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon,
        float.MaxValue, float.MinValue, 1.1754942e-38f, 1.17549435e-38f, 1f, -1f, 65504f, 65520f,
        6.1035156e-5f, 5.9604645e-8f,
    ];

    /// <summary>Around every vector length and multiple of it, and a whole block less one and without.</summary>
    public static IEnumerable<int> Lengths => Enumerable.Range(0, 71).Append(1023).Append(1024);

    /// <summary>Numbers like a model's weights.</summary>
    public static float[] Plain(int length, int seed)
    {
        var random = new Random(seed);
        return Fill(length, () => (float)((random.NextDouble() - 0.5) * 0.1));
    }

    /// <summary>
    /// Multiples of 1/64 between -2 and 2, so that sums and products of a few are exact, and zero sums frequent.
    /// </summary>
    public static float[] Coarse(int length, int seed)
    {
        var random = new Random(seed);
        return Fill(length, () => random.Next(-128, 129) / 64f);
    }

    /// <summary>A few values only, so that nearly everything is a tie.</summary>
    public static float[] Ties(int length, int seed)
    {
        var random = new Random(seed);
        return Fill(length, () => random.Next(-1, 2) * 0.5f);
    }

    /// <summary>Any bits at all, every fourth one a special value.</summary>
    public static float[] Nasty(int length, int seed)
    {
        var random = new Random(seed);
        return Fill(length, () => random.Next(4) == 0
            ? Specials[random.Next(Specials.Length)]
            : BitConverter.Int32BitsToSingle((int)random.NextInt64(1L << 32)));
    }

    /// <summary>A mixture of all kinds.</summary>
    public static float[] Mixed(int length, int seed)
    {
        float[][] kinds = [Plain(length, seed), Coarse(length, seed), Ties(length, seed), Nasty(length, seed)];
        var random = new Random(seed);
        int index = 0;
        return Fill(length, () => kinds[random.Next(kinds.Length)][index++]);
    }

    public static uint[] Words(int length, int seed)
    {
        var random = new Random(seed);
        return Fill(length, () => (uint)random.NextInt64(1L << 32));
    }

    private static T[] Fill<T>(int length, Func<T> next)
    {
        var values = new T[length];
        for (int i = 0; i < length; i++)
        {
            values[i] = next();
        }

        return values;
    }
}
