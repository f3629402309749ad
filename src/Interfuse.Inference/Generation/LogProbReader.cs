using Interfuse.Inference.Tokenization;

namespace Interfuse.Inference.Generation;

/// <summary>Log probabilities of tokens, from logits.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="count">How many of the likeliest tokens are told, 0 or more.</param>
internal sealed class LogProbReader(Tokenizer tokenizer, int count)
{
    private readonly List<int> _likeliest = new(count + 1);

    /// <summary>Finds out how likely a token is, and which are likeliest.</summary>
    /// <exception cref="InterfuseException">A logit is NaN or positive infinity, or none is finite.</exception>
    public TokenLogProbs Read(ReadOnlySpan<float> logits, int chosen)
    {
        // log softmax(x)_i = x_i - log(sum of exp(x_j)), the sum in the order of the tokens and in float64.
        double greatest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            greatest = Math.Max(greatest, logit);
        }

        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - greatest);
        }

        if (!double.IsFinite(sum))
        {
            throw BrokenModel.Error();
        }

        double logSum = Math.Log(sum);
        FindLikeliest(logits);
        var likeliest = new TokenLogProb[_likeliest.Count];
        for (int i = 0; i < likeliest.Length; i++)
        {
            likeliest[i] = Of(_likeliest[i], logits);
        }

        return new TokenLogProbs(Of(chosen, logits), likeliest);

        TokenLogProb Of(int token, ReadOnlySpan<float> logits) =>
            new(token, tokenizer.TokenBytes(token), logits[token] - greatest - logSum);
    }

    // Few are wanted: each token that is likelier than the last of them is put in its place.
    private void FindLikeliest(ReadOnlySpan<float> logits)
    {
        _likeliest.Clear();
        float least = float.NegativeInfinity;
        for (int token = 0; token < logits.Length && count > 0; token++)
        {
            float logit = logits[token];
            if (_likeliest.Count == count && !(logit > least))
            {
                continue;
            }

            int place = _likeliest.Count;
            while (place > 0 && logit > logits[_likeliest[place - 1]])
            {
                place--;
            }

            _likeliest.Insert(place, token);
            if (_likeliest.Count > count)
            {
                _likeliest.RemoveAt(count);
            }

            least = logits[_likeliest[^1]];
        }
    }
}
