using Interfuse.Compute;

namespace Interfuse.Inference.Generation;

/// <summary>Chooses the tokens of one answer, as <see cref="SamplingOptions"/> has it.</summary>
internal sealed class Sampler
{
    // Words that a draw takes of the generator, which gives them four at a time.
    private const int WordsPerDraw = 4;

    // The smallest normal float32: what is less counts as this.
    private const double LeastTemperature = 1.17549435e-38;

    private static readonly CpuKernels Kernels = new();

    private readonly SamplingOptions _options;
    private readonly ulong _stream;
    private readonly SamplingMemory _memory;
    private readonly KeyValuePair<int, double>[] _biases;
    private readonly float _divisor;

    // The tokens that were in the prompt or the answer, and how often those of the answer; null where nobody asks.
    private readonly HashSet<int>? _seen;
    private readonly Dictionary<int, int>? _counts;
    private long _draws;

    /// <param name="options">How to choose.</param>
    /// <param name="stream">Which of the seed's streams of random numbers is drawn from.</param>
    /// <param name="prompt">The tokens that are there already.</param>
    /// <param name="memory">Memory, which samplers that take turns may share.</param>
    public Sampler(SamplingOptions options, ulong stream, ReadOnlySpan<int> prompt, SamplingMemory memory)
    {
        options.Check();
        _options = options;
        _stream = stream;
        _memory = memory;
        _biases = [.. options.LogitBias];
        _divisor = (float)Math.Clamp(options.Temperature, LeastTemperature, float.MaxValue);
        _seen = options.RepetitionPenalty == 1 ? null : [.. prompt];
        _counts = options.FrequencyPenalty == 0 && options.PresencePenalty == 0 ? null : [];
    }

    /// <summary>Chooses a token, which counts as seen from then on.</summary>
    /// <exception cref="InterfuseException">A logit is NaN: the model's weights, or a merge, are broken.</exception>
    public int Choose(ReadOnlySpan<float> logits)
    {
        ReadOnlySpan<float> adjusted = Adjust(logits);
        int best = GreatestLogit.Find(adjusted);
        bool isDrawn = _options.Temperature > 0 && float.IsFinite(adjusted[best]);
        int token = isDrawn ? Draw(adjusted, adjusted[best]) : best;
        _seen?.Add(token);
        if (_counts is not null)
        {
            _counts[token] = _counts.GetValueOrDefault(token) + 1;
        }

        return token;
    }

    /// <summary>What a weight is in whole numbers, whose sums are exact.</summary>
    internal static ulong AmountOf(float weight) => (ulong)(long)(weight * SamplingOptions.WholeWeight);

    private ReadOnlySpan<float> Adjust(ReadOnlySpan<float> logits)
    {
        if (_seen is null && _counts is null && _biases.Length == 0)
        {
            return logits;
        }

        Span<float> adjusted = _memory.Logits(logits.Length);
        logits.CopyTo(adjusted);
        if (_seen is not null)
        {
            double penalty = _options.RepetitionPenalty;
            foreach (int token in _seen)
            {
                adjusted[token] = (float)(adjusted[token] > 0 ? adjusted[token] / penalty : adjusted[token] * penalty);
            }
        }

        if (_counts is not null)
        {
            foreach ((int token, int count) in _counts)
            {
                adjusted[token] = (float)(adjusted[token] - ((count * _options.FrequencyPenalty) + _options.PresencePenalty));
            }
        }

        foreach ((int token, double bias) in _biases)
        {
            adjusted[token] = (float)(adjusted[token] + bias);
        }

        return adjusted;
    }

    private int Draw(ReadOnlySpan<float> logits, float greatest)
    {
        Span<float> weights = _memory.Weights(logits.Length);
        Kernels.Exp(logits, greatest, _divisor, weights);
        if (_options.TopK > 0 && _options.TopK < weights.Length - weights.Count(0f))
        {
            _memory.Likeliest.Keep<Each>(logits, weights, (ulong)_options.TopK);
        }

        ulong total = Total(weights);
        if (_options.TopP < 1)
        {
            ulong enough = (ulong)Math.Ceiling(_options.TopP * total);
            _memory.Likeliest.Keep<Share>(logits, weights, Math.Clamp(enough, 1, total));
            total = Total(weights);
        }

        if (_options.MinP > 0)
        {
            float least = (float)_options.MinP;
            foreach (ref float weight in weights)
            {
                weight = weight < least ? 0 : weight;
            }

            total = Total(weights);
        }

        return TokenAt(weights, (ulong)(((UInt128)NextWord() * total) >> 64));
    }

    // The first token whose weight and those before it together are more than some amount.
    private static int TokenAt(ReadOnlySpan<float> weights, ulong amount)
    {
        int token = 0;
        for (ulong sum = AmountOf(weights[0]); sum <= amount; sum += AmountOf(weights[token]))
        {
            token++;
        }

        return token;
    }

    private static ulong Total(ReadOnlySpan<float> weights)
    {
        ulong sum = 0;
        foreach (float weight in weights)
        {
            sum += AmountOf(weight);
        }

        return sum;
    }

    private ulong NextWord()
    {
        Span<uint> words = stackalloc uint[WordsPerDraw];
        Kernels.PhiloxWords(_options.Seed, _stream, _draws++ * WordsPerDraw, words);
        return ((ulong)words[0] << 32) | words[1];
    }

    private readonly struct Each : LikeliestTokens.IMeasure
    {
        public static ulong Of(float weight) => 1;
    }

    private readonly struct Share : LikeliestTokens.IMeasure
    {
        public static ulong Of(float weight) => AmountOf(weight);
    }
}
