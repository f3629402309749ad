using Interfuse.Compute;
using Interfuse.Inference.Generation;

namespace Interfuse.Inference.Tests.Generation;

/// <summary>Chooses tokens as <see cref="SamplingOptions"/> says, by lists that are sorted: the judge of the fast way.</summary>
internal sealed class PlainSampler(SamplingOptions options, ulong stream, int[] prompt)
{
    private readonly List<int> _answer = [];
    private long _draws;

    public int Choose(float[] logits)
    {
        float[] adjusted = [.. logits.Select(Adjust)];
        int token = Likeliest(adjusted);
        if (options.Temperature > 0 && float.IsFinite(adjusted[token]))
        {
            token = Draw(adjusted, adjusted[token]);
        }

        _answer.Add(token);
        return token;
    }

    private float Adjust(float logit, int token)
    {
        if (prompt.Contains(token) || _answer.Contains(token))
        {
            logit = (float)(logit > 0 ? logit / options.RepetitionPenalty : logit * options.RepetitionPenalty);
        }

        int count = _answer.Count(one => one == token);
        if (count > 0)
        {
            logit = (float)(logit - ((count * options.FrequencyPenalty) + options.PresencePenalty));
        }

        return options.LogitBias.TryGetValue(token, out double bias) ? (float)(logit + bias) : logit;
    }

    private static int Likeliest(float[] logits) =>
        Enumerable.Range(0, logits.Length).OrderByDescending(token => logits[token]).ThenBy(token => token).First();

    private int Draw(float[] logits, float greatest)
    {
        float temperature = (float)Math.Clamp(options.Temperature, 1.17549435e-38, float.MaxValue);
        float[] weights = [.. logits.Select(logit => CpuKernels.Exp((logit - greatest) / temperature))];
        ulong[] amounts = [.. weights.Select(weight => (ulong)Math.Floor(weight * Math.Pow(2, 44)))];
        int[] left = [.. Enumerable.Range(0, logits.Length).OrderByDescending(token => logits[token]).ThenBy(token => token)];
        left = options.TopK > 0 ? [.. left.Take(options.TopK)] : left;
        if (options.TopP < 1)
        {
            double enough = Math.Ceiling(options.TopP * Sum(left));
            int count = 1;
            while (Sum(left[..count]) < enough)
            {
                count++;
            }

            left = left[..count];
        }

        left = [.. left.Where(token => weights[token] >= (float)options.MinP).Order()];
        uint[] words = new uint[4];
        new CpuKernels().PhiloxWords(options.Seed, stream, _draws++ * 4, words);
        UInt128 drawn = ((UInt128)words[0] << 32) | words[1];
        ulong place = (ulong)((drawn * Sum(left)) >> 64);
        return left.First(token => Sum([.. left.Where(other => other <= token)]) > place);

        ulong Sum(int[] tokens) => tokens.Aggregate(0ul, (sum, token) => sum + amounts[token]);
    }
}
