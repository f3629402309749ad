namespace Interfuse.Inference.Generation;

/// <summary>Leaves the likeliest tokens of a distribution that together make out enough of it.</summary>
/// <remarks>
/// A radix selection by the logits' bits: three sweeps over the vocabulary, whatever is in it, where sorting it would take many
/// times as long. Amounts are whole numbers, so that their order makes no difference.
/// </remarks>
internal sealed class LikeliestTokens
{
    // An ordered float32's bits in three parts, the highest first.
    private static readonly (int Shift, int Bits)[] Parts = [(21, 11), (10, 11), (0, 10)];

    private readonly ulong[] _amounts = new ulong[1 << 11];

    /// <summary>How much of the whole a token is.</summary>
    internal interface IMeasure
    {
        /// <summary>The amount, given the token's weight, which is above 0.</summary>
        static abstract ulong Of(float weight);
    }

    /// <summary>
    /// Sets the weights of all tokens to 0 but those of the smallest set of likeliest tokens, the lowest of equals first, whose
    /// amounts sum to enough.
    /// </summary>
    /// <param name="logits">What tokens are ordered by; no NaN.</param>
    /// <param name="weights">The tokens' weights; those of 0 count as not there.</param>
    /// <param name="enough">How much is enough, above 0 and at most what there is.</param>
    public void Keep<TMeasure>(ReadOnlySpan<float> logits, Span<float> weights, ulong enough)
        where TMeasure : struct, IMeasure
    {
        uint limit = 0;
        uint fixedBits = 0;
        ulong above = 0;
        foreach ((int shift, int bits) in Parts)
        {
            int last = (1 << bits) - 1;
            Span<ulong> amounts = _amounts.AsSpan(0, last + 1);
            amounts.Clear();
            for (int token = 0; token < weights.Length; token++)
            {
                if (weights[token] > 0)
                {
                    uint order = OrderOf(logits[token]);
                    if ((order & fixedBits) == limit)
                    {
                        amounts[(int)(order >> shift) & last] += TMeasure.Of(weights[token]);
                    }
                }
            }

            int bucket = last;
            while (above + amounts[bucket] < enough)
            {
                above += amounts[bucket--];
            }

            limit |= (uint)bucket << shift;
            fixedBits |= (uint)last << shift;
        }

        CutBelow<TMeasure>(logits, weights, limit, enough - above);
    }

    // Of the tokens at the limit the first ones stay, until they are enough.
    private static void CutBelow<TMeasure>(ReadOnlySpan<float> logits, Span<float> weights, uint limit, ulong enough)
        where TMeasure : struct, IMeasure
    {
        ulong taken = 0;
        for (int token = 0; token < weights.Length; token++)
        {
            if (weights[token] > 0)
            {
                uint order = OrderOf(logits[token]);
                if (order < limit || (order == limit && taken >= enough))
                {
                    weights[token] = 0;
                }
                else if (order == limit)
                {
                    taken += TMeasure.Of(weights[token]);
                }
            }
        }
    }

    // A greater float has a greater number; zeros of both signs have one.
    private static uint OrderOf(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value + 0f);
        return (int)bits < 0 ? ~bits : bits | 0x8000_0000u;
    }
}
