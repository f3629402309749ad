using Interfuse.Compute;

namespace Interfuse.Inference.Generation;

/// <summary>Chooses the tokens of one answer.</summary>
internal sealed class Sampler
{
    // Words that a draw takes of the generator, which gives them four at a time.
    private const int WordsPerDraw = 4;

    private static readonly CpuKernels Random = new();

    private readonly SamplingOptions _options;
    private readonly ulong _stream;
    private readonly HashSet<int> _seen;
    private long _draws;

    /// <param name="options">How to choose.</param>
    /// <param name="stream">Which of the seed's streams of random numbers is drawn from.</param>
    /// <param name="prompt">The tokens that are there already.</param>
    public Sampler(SamplingOptions options, ulong stream, ReadOnlySpan<int> prompt)
    {
        options.Check();
        _options = options;
        _stream = stream;
        _seen = [.. prompt];
    }

    /// <summary>Chooses a token, which counts as seen from then on.</summary>
    /// <exception cref="InterfuseException">A logit is NaN: the model's weights, or a merge, are broken.</exception>
    public int Choose(ReadOnlySpan<float> logits)
    {
        int best = Best(logits);
        bool plain = _options.Temperature == 0 && _options.RepetitionPenalty == 1;
        int token = plain ? best : Draw(Candidates(logits));
        _seen.Add(token);
        return token;
    }

    private static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i]))
            {
                throw BrokenModel.Error();
            }

            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }

    // Tokens with their logits, the likeliest first, the lowest of equals.
    private List<(int Token, double Logit)> Candidates(ReadOnlySpan<float> logits)
    {
        var candidates = new List<(int Token, double Logit)>(logits.Length);
        for (int token = 0; token < logits.Length; token++)
        {
            candidates.Add((token, Penalised(token, logits[token])));
        }

        candidates.Sort((a, b) => a.Logit != b.Logit ? b.Logit.CompareTo(a.Logit) : a.Token.CompareTo(b.Token));
        return candidates;
    }

    private double Penalised(int token, double logit)
    {
        if (_options.RepetitionPenalty == 1 || !_seen.Contains(token))
        {
            return logit;
        }

        return logit > 0 ? logit / _options.RepetitionPenalty : logit * _options.RepetitionPenalty;
    }

    private int Draw(List<(int Token, double Logit)> candidates)
    {
        double greatest = candidates[0].Logit;
        if (_options.Temperature == 0 || double.IsInfinity(greatest))
        {
            return candidates[0].Token;
        }

        int count = _options.TopK > 0 ? Math.Min(_options.TopK, candidates.Count) : candidates.Count;
        var weights = new double[count];
        for (int i = 0; i < count; i++)
        {
            weights[i] = Math.Exp((candidates[i].Logit - greatest) / _options.Temperature);
        }

        count = Likeliest(weights);
        double sum = weights.AsSpan(0, count).Sum();
        double left = NextUniform() * sum;
        for (int i = 0; i < count; i++)
        {
            left -= weights[i];
            if (left < 0)
            {
                return candidates[i].Token;
            }
        }

        return candidates[count - 1].Token;
    }

    // How many of the descending weights top-p and min-p leave; at least one.
    private int Likeliest(ReadOnlySpan<double> weights)
    {
        double enough = _options.TopP < 1 ? _options.TopP * weights.Sum() : double.PositiveInfinity;
        double sum = 0;
        int count = 0;
        while (count < weights.Length && sum < enough)
        {
            sum += weights[count++];
        }

        while (count > 1 && weights[count - 1] < _options.MinP)
        {
            count--;
        }

        return count;
    }

    // From 0 up to 1, in steps of 2^-53.
    private double NextUniform()
    {
        Span<uint> words = stackalloc uint[WordsPerDraw];
        Random.PhiloxWords(_options.Seed, _stream, _draws++ * WordsPerDraw, words);
        return ((((ulong)words[0] << 32) | words[1]) >> 11) * (1.0 / (1L << 53));
    }
}
