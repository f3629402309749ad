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
        if (_options is { TopK: 0, TopP: 1, MinP: 0 })
        {
            return LikeliestTokens.At<Share>(weights, Drawn(LikeliestTokens.Total<Share>(weights)));
        }

        LikeliestTokens left = _memory.Likeliest;
        left.Begin(logits, weights);
        if (_options.TopK > 0 && _options.TopK < left.Count)
        {
            left.Keep<Each>((ulong)_options.TopK);
        }

        if (_options.TopP < 1)
        {
            ulong total = left.Total<Share>();
            left.Keep<Share>(Math.Clamp((ulong)Math.Ceiling(_options.TopP * total), 1, total));
        }

        if (_options.MinP > 0)
        {
            left.KeepFrom((float)_options.MinP);
        }

        return left.At<Share>(Drawn(left.Total<Share>()));
    }

    // A number below the total, each as likely as any other.
    private ulong Drawn(ulong total) => (ulong)(((UInt128)NextWord() * total) >> 64);

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

    // In whole numbers, whose sums are exact.
    private readonly struct Share : LikeliestTokens.IMeasure
    {
        public static ulong Of(float weight) => (ulong)(long)(weight * SamplingOptions.WholeWeight);
    }
}
