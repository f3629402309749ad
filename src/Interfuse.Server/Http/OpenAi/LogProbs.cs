using Interfuse.Inference.Generation;

namespace Interfuse.Server.Http.OpenAi;

/// <summary>Writes how likely tokens were, as OpenAI's clients expect it.</summary>
internal static class LogProbs
{
    // JSON has no infinity; this is what OpenAI writes for a token that can't come.
    private const double Never = -9999;

    /// <summary>For a message; null where it was not asked for.</summary>
    public static ChatLogProbs? ForChat(IReadOnlyList<AnswerToken> tokens) => tokens is not [{ LogProbs: not null }, ..]
        ? null
        : new(
        [
            .. tokens.Select(token => token.LogProbs!).Select(found => new ChatToken(
                found.Chosen.Text,
                Finite(found.Chosen.LogProb),
                Bytes(found.Chosen),
                [.. found.Likeliest.Select(each => new LikelyToken(each.Text, Finite(each.LogProb), Bytes(each)))])),
        ]);

    /// <summary>For a completion; null where it was not asked for.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="offset">The characters of the answer's tokens so far; is moved on.</param>
    public static CompletionLogProbs? ForCompletion(IReadOnlyList<AnswerToken> tokens, ref int offset)
    {
        if (tokens is not [{ LogProbs: not null }, ..])
        {
            return null;
        }

        int[] offsets = new int[tokens.Count];
        for (int i = 0; i < offsets.Length; i++)
        {
            offsets[i] = offset;
            offset += tokens[i].LogProbs!.Chosen.Text.Length;
        }

        return new CompletionLogProbs(
            [.. tokens.Select(token => token.LogProbs!.Chosen.Text)],
            [.. tokens.Select(token => Finite(token.LogProbs!.Chosen.LogProb))],
            [.. tokens.Select(token => Likeliest(token.LogProbs!))],
            offsets);
    }

    // Tokens of no whole characters may have the same text: the likelier one is told.
    private static Dictionary<string, double> Likeliest(TokenLogProbs found)
    {
        var likeliest = new Dictionary<string, double>();
        foreach (TokenLogProb each in found.Likeliest)
        {
            likeliest.TryAdd(each.Text, Finite(each.LogProb));
        }

        return likeliest;
    }

    private static int[] Bytes(TokenLogProb token)
    {
        int[] bytes = new int[token.Bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = token.Bytes.Span[i];
        }

        return bytes;
    }

    private static double Finite(double logProb) => Math.Max(logProb, Never);
}
