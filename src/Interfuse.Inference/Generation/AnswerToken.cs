namespace Interfuse.Inference.Generation;

/// <summary>A token of an answer.</summary>
/// <param name="Id">The token.</param>
/// <param name="Text">The text that is certain with it and comes next, often empty: half a character and what may begin a stop
/// string are held back, so that this is not always the token's own text.</param>
/// <param name="LogProbs">How likely the token was, where <see cref="GenerationRequest.TopLogProbs"/> asks for it.</param>
public readonly record struct AnswerToken(int Id, string Text, TokenLogProbs? LogProbs);

/// <summary>How likely a chosen token was, and which would have been likeliest.</summary>
/// <remarks>Probabilities are the softmax of the model's own logits, before penalties, biases and temperature.</remarks>
/// <param name="Chosen">The chosen token.</param>
/// <param name="Likeliest">The likeliest tokens, the likeliest first and the lowest of equals; the chosen one is among them if
/// it is one of them.</param>
public sealed record TokenLogProbs(TokenLogProb Chosen, IReadOnlyList<TokenLogProb> Likeliest);

/// <summary>A token and how likely it is.</summary>
/// <param name="Id">The token.</param>
/// <param name="Bytes">The bytes of UTF-8 that it stands for in the middle of a text, which may be no whole characters; see
/// <see cref="Tokenization.Tokenizer.TokenBytes"/>.</param>
/// <param name="LogProb">The natural logarithm of its probability, at most 0; negative infinity for a token that the model
/// rules out.</param>
public readonly record struct TokenLogProb(int Id, ReadOnlyMemory<byte> Bytes, double LogProb)
{
    /// <summary>The bytes as text, U+FFFD for those that are no whole character.</summary>
    public string Text => System.Text.Encoding.UTF8.GetString(Bytes.Span);
}
