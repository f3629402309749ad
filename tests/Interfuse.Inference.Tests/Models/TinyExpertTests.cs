using System.Text.Json;
using Interfuse.Compute;
using Interfuse.Experts;
using Interfuse.Inference.Models;
using Interfuse.Testing;

namespace Interfuse.Inference.Tests.Models;

/// <summary>The trained models of examples/tiny-experts, against logits of another program (train.py).</summary>
public sealed class TinyExpertTests
{
    // Both sides compute in float32 from the same bfloat16 weights, in another order, and the reference is rounded to 6
    // digits: that is 5e-5 for logits from 10 to 100, and as much again for the sums.
    private const double Tolerance = 2e-4;

    private static readonly string[] Models = ["base", "add", "reverse", "sort", "cipher"];

    [TestCaseSource(nameof(Models))]
    public void Logits_are_those_of_the_reference(string model)
    {
        using Decoder decoder = Load(model);
        foreach (JsonElement entry in Reference(model))
        {
            int[] tokens = [.. entry.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32())];
            double[] expected = [.. entry.GetProperty("logits").EnumerateArray().Select(logit => logit.GetDouble())];

            Assert.That(decoder.LastLogits(tokens), Is.EqualTo(expected).Within(Tolerance), entry.GetProperty("prompt").GetString());
        }
    }

    private static List<JsonElement> Reference(string model)
    {
        using var document = JsonDocument.Parse(
            File.ReadAllBytes(Repository.PathOf("examples", "tiny-experts", "expected.json")));
        return [.. document.RootElement.GetProperty("reference").GetProperty(model).EnumerateArray().Select(entry => entry.Clone())];
    }

    private static Decoder Load(string model)
    {
        using ModelWeights weights = ModelWeights.Open(Repository.PathOf("examples", "tiny-experts", model));
        return Decoder.Load(weights, new CpuDevice(threads: 2));
    }
}
