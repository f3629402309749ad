namespace Interfuse.Merging.Search;

/// <summary>Random numbers that are the same for a seed on every machine and in every version of the runtime.</summary>
/// <remarks>SplitMix64 (Steele, Lea and Flood 2014).</remarks>
/// <param name="seed">Any number.</param>
internal sealed class UniformRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A number from 0 to below 1, of 53 bits.</summary>
    public double Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong bits = _state;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        bits ^= bits >> 31;
        return (bits >> 11) * (1.0 / (1L << 53));
    }

    /// <summary>A number with mean 0 and variance 1, nearly normal: the sum of twelve uniform ones, less 6.</summary>
    public double NextNormal()
    {
        double sum = -6;
        for (int i = 0; i < 12; i++)
        {
            sum += Next();
        }

        return sum;
    }
}
