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

    // What goes into a step, and what comes out.
    private List<string> _texts = [];
    private List<string> _next = [];

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
        if (_tokenizer.IdToToken(id) is not string token || (_skipSpecialTokens && _tokenizer.IsSpecial(id)))
        {
            return "";
        }

        _texts.Clear();
        _texts.Add(token);
        return Run(0);
    }

    /// <summary>Ends the stream and returns what was held back; an incomplete character becomes U+FFFD.</summary>
    public string Finish()
    {
        string text = "";
        for (int i = 0; i < _steps.Length; i++)
        {
            _texts.Clear();
            _steps[i].Finish(_texts);
            text += Run(i + 1);
        }

        return text;
    }

    private string Run(int step)
    {
        for (; step < _steps.Length; step++)
        {
            _next.Clear();
            foreach (string text in _texts)
            {
                _steps[step].Push(text, _next);
            }

            (_texts, _next) = (_next, _texts);
        }

        return _texts.Count == 1 ? _texts[0] : string.Concat(_texts);
    }
}
