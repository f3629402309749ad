using System.Text.Json;
using Interfuse.Inference.Generation;
using Interfuse.Inference.Models;

namespace Interfuse.Inference.Tests.Models;

/// <summary>The trained models of examples/tiny-experts, against logits of another program (train.py).</summary>
public sealed class TinyExpertTests
{
    // Both sides compute in float32 from the same bfloat16 weights, in another order, and the reference is rounded to 6
    // digits: that is 5e-5 for logits from 10 to 100, and as much again for the sums.
    private const double Tolerance = 2e-4;

    private static IEnumerable<string> Names => TinyExperts.Names;

    [TestCaseSource(nameof(Names))]
    public void Logits_are_those_of_the_reference(string model)
    {
        using Decoder decoder = TinyExperts.Load(model);
        foreach (JsonElement entry in TinyExperts.Reference(model))
        {
            int[] tokens = [.. entry.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
            double[] expected = [.. entry.GetProperty("logits").EnumerateArray().Select(logit => logit.GetDouble())];

            Assert.That(
                decoder.LastLogits(tokens),
                Is.EqualTo(expected).Within(Tolerance),
                entry.GetProperty("prompt").GetString());
        }
    }

    [TestCaseSource(nameof(Names))]
    public void Greedy_answers_are_those_of_the_reference(string model)
    {
        using Decoder decoder = TinyExperts.Load(model);
        IReadOnlyList<JsonElement> reference = TinyExperts.Reference(model);
        GenerationRequest[] requests =
        [
            .. reference.Select(entry => new GenerationRequest(
                TinyExperts.Tokenizer.Encode(entry.GetProperty("prompt").GetString()!)) { MaxTokens = 12 }),
        ];

        IEnumerable<string> answers = new Generator(decoder, TinyExperts.Tokenizer).Run(requests).Select(answer => answer.Text);

        Assert.That(answers, Is.EqualTo(reference.Select(entry => entry.GetProperty("continuation").GetString())));
    }
}
