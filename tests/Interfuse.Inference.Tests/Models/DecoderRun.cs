using Interfuse.Experts;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>Ways to run a decoder that tests share.</summary>
internal static class DecoderRun
{
    /// <summary>The logits of the last token of a prompt.</summary>
    public static float[] LastLogits(this Decoder decoder, ReadOnlyMemory<int> tokens, int expert = 0) =>
        decoder.LastLogits(tokens, ExpertMix.Of(expert));

    /// <summary>The logits of the last token of a prompt that a mixture of experts reads.</summary>
    public static float[] LastLogits(this Decoder decoder, ReadOnlyMemory<int> tokens, ExpertMix mix)
    {
        using DecoderSequence sequence = decoder.Start(mix);
        float[] last = [];
        decoder.Read([new Reading(sequence, tokens)], (_, _, logits) => last = logits.ToArray());
        return last;
    }

    /// <summary>Reads a prompt and goes on with the likeliest token, as often as asked for.</summary>
    public static int[] Greedy(this Decoder decoder, ReadOnlyMemory<int> prompt, int count, int expert = 0) =>
        decoder.Greedy(prompt, count, ExpertMix.Of(expert));

    /// <summary>The same by a mixture of experts.</summary>
    public static int[] Greedy(this Decoder decoder, ReadOnlyMemory<int> prompt, int count, ExpertMix mix)
    {
        using DecoderSequence sequence = decoder.Start(mix);
        var tokens = new List<int>();
        decoder.Read([new Reading(sequence, prompt)], (_, _, logits) => tokens.Add(Best(logits)));
        while (tokens.Count < count)
        {
            decoder.Step([sequence], new[] { tokens[^1] }, (_, _, logits) => tokens.Add(Best(logits)));
        }

        return [.. tokens];
    }

    /// <summary>The place of the greatest logit, the lowest of equals.</summary>
    public static int Best(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }
}
