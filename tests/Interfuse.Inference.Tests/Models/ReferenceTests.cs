using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>Every family and option, against logits that PyTorch computed in float64.</summary>
public sealed class ReferenceTests
{
    // The weights are the same bits on both sides, and ours are float32 sums of at most a few hundred products: logits of
    // up to about 10 are off by some units of the sixth digit. A wrong formula is off by far more than that.
    private const double Tolerance = 1e-4;

    private static IEnumerable<string> Names => ReferenceModel.Names;

    [TestCaseSource(nameof(Names))]
    public void Logits_of_prompts_are_those_of_the_reference(string name)
    {
        var reference = new ReferenceModel(name);
        using Decoder decoder = Load(reference);
        Assert.Multiple(() =>
        {
            foreach ((int[] tokens, double[] logits) in reference.Prompts)
            {
                Assert.That(
                    decoder.LastLogits(tokens), Is.EqualTo(logits).Within(Tolerance), $"a prompt of {tokens.Length}");
            }
        });
    }

    [TestCaseSource(nameof(Names))]
    public void Logits_of_every_token_are_those_of_the_reference(string name)
    {
        var reference = new ReferenceModel(name);
        using Decoder decoder = Load(reference);
        (int[] tokens, double[][] expected) = reference.AllPositions;
        var logits = new List<float[]>();
        using DecoderSequence sequence = decoder.Start();
        decoder.Read([new Reading(sequence, tokens, LogitsFrom: 0)], (_, token, row) =>
        {
            Assert.That(token, Is.EqualTo(logits.Count));
            logits.Add(row.ToArray());
        });

        Assert.That(logits, Has.Count.EqualTo(expected.Length));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(logits[i], Is.EqualTo(expected[i]).Within(Tolerance), $"token {i}");
        }
    }

    [TestCaseSource(nameof(Names))]
    public void Greedy_continuations_are_those_of_the_reference(string name)
    {
        var reference = new ReferenceModel(name);
        using Decoder decoder = Load(reference);
        (int[] prompt, int[] tokens, double[] margins) = reference.Continuation;
        Assume.That(margins, Has.All.GreaterThan(2 * Tolerance));

        Assert.That(decoder.Greedy(prompt, tokens.Length), Is.EqualTo(tokens));
    }

    private static Decoder Load(ReferenceModel reference)
    {
        using ModelWeights weights = ModelWeights.Open(reference.Path);
        return Decoder.Load(weights, new CpuDevice(threads: 2));
    }
}
