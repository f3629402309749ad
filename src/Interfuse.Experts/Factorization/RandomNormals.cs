using Interfuse.Compute;

namespace Interfuse.Experts.Factorization;

/// <summary>Normally distributed numbers, the same on every machine: they come from Philox by arithmetic alone.</summary>
/// <remarks>
/// Marsaglia's polar method on pairs of words of a stream, in order, with a logarithm of our own: the library's may differ
/// in the last bit from one processor to the next.
/// </remarks>
internal static class RandomNormals
{
    private const int WordsAtOnce = 4096;
    private const double Ln2 = 0.693147180559945309417232121458;

    // 3^-(2 * 17 + 1) / 35 is below half a unit of the last place of float64.
    private const int LogarithmTerms = 17;

    /// <summary>Fills in numbers of mean 0 and variance 1.</summary>
    /// <param name="seed">The seed, see <see cref="CpuKernels.PhiloxWords"/>.</param>
    /// <param name="stream">The stream.</param>
    /// <param name="destination">Receives the numbers.</param>
    public static void Fill(ulong seed, ulong stream, Span<float> destination)
    {
        var kernels = new CpuKernels();
        Span<uint> words = stackalloc uint[WordsAtOnce];
        long drawn = 0;
        int at = words.Length;
        for (int i = 0; i < destination.Length;)
        {
            if (at == words.Length)
            {
                kernels.PhiloxWords(seed, stream, drawn, words);
                drawn += words.Length;
                at = 0;
            }

            double u = Uniform(words[at++]);
            double v = Uniform(words[at++]);
            double square = (u * u) + (v * v);
            if (square >= 1)
            {
                continue;
            }

            double scale = Math.Sqrt(-2 * Logarithm(square) / square);
            destination[i++] = (float)(u * scale);
            if (i < destination.Length)
            {
                destination[i++] = (float)(v * scale);
            }
        }
    }

    // Between -1 and 1, never 0.
    private static double Uniform(uint word) => ((word + 0.5) / (1u << 31)) - 1;

    /// <summary>The natural logarithm of a number from 2^-1022 to 1: by the exponent and the series of the mantissa.</summary>
    internal static double Logarithm(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52) - 1023;
        double mantissa = BitConverter.Int64BitsToDouble((bits & ((1L << 52) - 1)) | (1023L << 52));

        // ln m = 2 (z + z^3 / 3 + z^5 / 5 + ...) with z = (m - 1) / (m + 1), at most 1/3; the smallest terms first.
        double z = (mantissa - 1) / (mantissa + 1);
        double sum = 0;
        for (int term = LogarithmTerms; term >= 0; term--)
        {
            sum = (sum * z * z) + (1.0 / ((2 * term) + 1));
        }

        return (exponent * Ln2) + (2 * z * sum);
    }
}
