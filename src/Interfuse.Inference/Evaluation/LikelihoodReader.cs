using Interfuse.Experts;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Evaluation;

/// <summary>Finds out how likely a model thinks given tokens, many texts at a time.</summary>
internal sealed class LikelihoodReader(Decoder decoder)
{
    // Texts are read together up to so many tokens: as many as go through the layers at once.
    private const int BatchTokens = Decoder.MaxPassTokens;

    private readonly List<(int[] Tokens, int From, ExpertMix Mix, Action<double> Done)> _waiting = [];
    private int _waitingTokens;

    /// <summary>Asks for the log-likelihood of a text's tokens from one on, each given those before it.</summary>
    /// <param name="tokens">The text.</param>
    /// <param name="from">The first token that counts, 1 or more.</param>
    /// <param name="mix">Who reads it.</param>
    /// <param name="done">Is given the sum, in nats, at the latest by <see cref="Finish"/>.</param>
    public void Add(int[] tokens, int from, ExpertMix mix, Action<double> done)
    {
        // Each may be of a mixture of its own.
        if (_waitingTokens + tokens.Length > BatchTokens || _waiting.Count == Decoder.MaxMixtures)
        {
            Finish();
        }

        _waiting.Add((tokens, from, mix, done));
        _waitingTokens += tokens.Length;
    }

    /// <summary>Reads what is still waiting.</summary>
    public void Finish()
    {
        if (_waiting.Count == 0)
        {
            return;
        }

        var sums = new double[_waiting.Count];
        DecoderSequence[] sequences = [.. _waiting.Select(text => decoder.Start(text.Mix))];
        try
        {
            decoder.Read(
                [.. _waiting.Select((text, i) => new Reading(sequences[i], text.Tokens, text.From - 1))],
                (text, token, logits) =>
                {
                    int[] tokens = _waiting[text].Tokens;
                    if (token + 1 < tokens.Length)
                    {
                        sums[text] += LogLikelihood.Of(logits, tokens[token + 1]);
                    }
                });
        }
        finally
        {
            foreach (DecoderSequence sequence in sequences)
            {
                sequence.Dispose();
            }
        }

        for (int i = 0; i < sums.Length; i++)
        {
            _waiting[i].Done(sums[i]);
        }

        _waiting.Clear();
        _waitingTokens = 0;
    }
}
