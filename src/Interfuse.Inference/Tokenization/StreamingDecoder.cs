namespace Interfuse.Inference.Tokenization;

/// <summary>
/// Turns tokens into text as they come: each call returns what is certain, and no half of a character is ever returned.
/// </summary>
/// <remarks>
/// All that <see cref="Append"/> and <see cref="Finish"/> return, one after the other, is what
/// <see cref="Tokenizer.Decode"/> returns for the same tokens. An instance serves one stream on one thread at a time.
/// </remarks>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly DecoderStep[] _steps;
    private readonly bool _skipSpecialTokens;

    internal StreamingDecoder(Tokenizer tokenizer, DecoderStep[] steps, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _steps = steps;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>
    /// Takes the next token and returns the text that is certain now; often a word, sometimes nothing.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is below 0, or not below 2^24.</exception>
    public string Append(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, TokenizerSettings.MaxIds);

        // Models have rows beyond their vocabulary, for alignment; a token there has no text.
        return _tokenizer.IdToToken(id) is string token && !(_skipSpecialTokens && _tokenizer.IsSpecial(id))
            ? Run(0, [token])
            : "";
    }

    /// <summary>Ends the stream and returns what was held back; an incomplete character becomes U+FFFD.</summary>
    public string Finish()
    {
        string text = "";
        for (int i = 0; i < _steps.Length; i++)
        {
            var held = new List<string>();
            _steps[i].Finish(held);
            text += Run(i + 1, held);
        }

        return text;
    }

    private string Run(int step, List<string> texts)
    {
        for (; step < _steps.Length; step++)
        {
            var next = new List<string>();
            foreach (string text in texts)
            {
                _steps[step].Push(text, next);
            }

            texts = next;
        }

        return string.Concat(texts);
    }
}
