namespace Interfuse.Inference.Generation;

/// <summary>The tokens that one may be drawn of, by their numbers: at first all, then the likeliest.</summary>
/// <remarks>
/// They are cut by a radix selection on the logits' bits, a few sweeps over the vocabulary, whatever is in it, where sorting it
/// would take many times as long. Amounts are whole numbers, so that their order makes no difference.
/// </remarks>
internal sealed class LikeliestTokens
{
    // An ordered float32's bits in three parts, the highest first.
    private static readonly (int Shift, int Bits)[] Parts = [(21, 11), (10, 11), (0, 10)];

    private readonly ulong[] _amounts = new ulong[1 << 11];
    private int[] _tokens = [];
    private uint[] _orders = [];
    private float[] _weights = [];

    /// <summary>How much of the whole a token is.</summary>
    internal interface IMeasure
    {
        /// <summary>The amount, given the token's weight.</summary>
        static abstract ulong Of(float weight);
    }

    /// <summary>The tokens that are left.</summary>
    public int Count { get; private set; }

    private Span<uint> Orders => _orders.AsSpan(0, Count);

    private ReadOnlySpan<float> Weights => _weights.AsSpan(0, Count);

    /// <summary>Takes all tokens.</summary>
    /// <param name="logits">What they are ordered by; no NaN.</param>
    /// <param name="weights">As many weights.</param>
    public void Begin(ReadOnlySpan<float> logits, ReadOnlySpan<float> weights)
    {
        Count = logits.Length;
        if (_tokens.Length < Count)
        {
            _tokens = new int[Count];
            _orders = new uint[Count];
            _weights = new float[Count];
        }

        weights.CopyTo(_weights);
        Span<int> tokens = _tokens.AsSpan(0, logits.Length);
        Span<uint> orders = Orders[..logits.Length];
        for (int i = 0; i < logits.Length; i++)
        {
            tokens[i] = i;
            orders[i] = OrderOf(logits[i]);
        }
    }

    /// <summary>Leaves the fewest of the greatest logits, the lowest tokens of equals, whose amounts sum to enough.</summary>
    /// <param name="enough">How much is enough, above 0 and at most what there is.</param>
    public void Keep<TMeasure>(ulong enough)
        where TMeasure : struct, IMeasure
    {
        uint limit = 0;
        uint fixedBits = 0;
        foreach ((int shift, int bits) in Parts)
        {
            int last = (1 << bits) - 1;
            Span<ulong> amounts = _amounts.AsSpan(0, last + 1);
            amounts.Clear();
            ulong above = Add<TMeasure>(Orders, Weights, fixedBits, limit, shift, amounts);

            int bucket = last;
            while (above + amounts[bucket] < enough)
            {
                above += amounts[bucket--];
            }

            limit |= (uint)bucket << shift;
            fixedBits |= (uint)last << shift;
            Cut(limit);
        }

        CutEquals<TMeasure>(limit, enough);
    }

    /// <summary>Leaves those of some weight or more.</summary>
    public void KeepFrom(float weight)
    {
        int kept = 0;
        ReadOnlySpan<float> weights = Weights;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] >= weight)
            {
                Move(i, kept++);
            }
        }

        Count = kept;
    }

    /// <summary>What all that are left amount to.</summary>
    public ulong Total<TMeasure>()
        where TMeasure : struct, IMeasure => Total<TMeasure>(Weights);

    /// <summary>The first token whose amount and those before it together are more than some number.</summary>
    public int At<TMeasure>(ulong number)
        where TMeasure : struct, IMeasure => _tokens[At<TMeasure>(Weights, number)];

    /// <summary>What weights amount to.</summary>
    public static ulong Total<TMeasure>(ReadOnlySpan<float> weights)
        where TMeasure : struct, IMeasure
    {
        ulong sum = 0;
        foreach (float weight in weights)
        {
            sum += TMeasure.Of(weight);
        }

        return sum;
    }

    /// <summary>The first place where the amounts up to it are together more than some number, which is less than the
    /// total.</summary>
    public static int At<TMeasure>(ReadOnlySpan<float> weights, ulong number)
        where TMeasure : struct, IMeasure
    {
        int place = 0;
        for (ulong sum = TMeasure.Of(weights[0]); sum <= number; sum += TMeasure.Of(weights[place]))
        {
            place++;
        }

        return place;
    }

    // Adds amounts up by some of their bits, those whose higher bits are the limit's. Gives what the others amount to, all of which
    // are above.
    private static ulong Add<TMeasure>(
        ReadOnlySpan<uint> orders, ReadOnlySpan<float> weights, uint fixedBits, uint limit, int shift, Span<ulong> amounts)
        where TMeasure : struct, IMeasure
    {
        ulong above = 0;
        for (int i = 0; i < orders.Length; i++)
        {
            ulong amount = TMeasure.Of(weights[i]);
            if ((orders[i] & fixedBits) == limit)
            {
                amounts[(int)(orders[i] >> shift) & (amounts.Length - 1)] += amount;
            }
            else
            {
                above += amount;
            }
        }

        return above;
    }

    // All are moved, and those that go are written over: nobody can predict which they are.
    private void Cut(uint limit)
    {
        Span<int> tokens = _tokens.AsSpan(0, Count);
        Span<uint> orders = Orders;
        Span<float> weights = _weights.AsSpan(0, Count);
        int kept = 0;
        for (int i = 0; i < orders.Length && i < tokens.Length && i < weights.Length; i++)
        {
            uint order = orders[i];
            tokens[kept] = tokens[i];
            orders[kept] = order;
            weights[kept] = weights[i];
            kept += order >= limit ? 1 : 0;
        }

        Count = kept;
    }

    // Of those at the limit the first ones stay, until all that are left are enough.
    private void CutEquals<TMeasure>(uint limit, ulong enough)
        where TMeasure : struct, IMeasure
    {
        ulong taken = 0;
        for (int i = 0; i < Count; i++)
        {
            taken += _orders[i] > limit ? TMeasure.Of(_weights[i]) : 0;
        }

        int kept = 0;
        for (int i = 0; i < Count; i++)
        {
            bool isAbove = _orders[i] > limit;
            if (isAbove || taken < enough)
            {
                taken += isAbove ? 0 : TMeasure.Of(_weights[i]);
                Move(i, kept++);
            }
        }

        Count = kept;
    }

    private void Move(int from, int to)
    {
        _tokens[to] = _tokens[from];
        _orders[to] = _orders[from];
        _weights[to] = _weights[from];
    }

    // A greater float has a greater number; zeros of both signs have one.
    private static uint OrderOf(float value)
    {
        int bits = BitConverter.SingleToInt32Bits(value + 0f);
        return (uint)bits ^ ((uint)(bits >> 31) | 0x8000_0000u);
    }
}
