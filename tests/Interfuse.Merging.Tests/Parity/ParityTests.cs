using Interfuse.Merging.Methods;

namespace Interfuse.Merging.Tests.Parity;

/// <summary>Agreement with the real mergekit where it computes in float32 (Goldens/README.md says where the files come from).</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class ParityTests
{
    private const double RelativeTolerance = 2e-6;
    private const double AbsoluteTolerance = 1e-7;

    [TestCase("linear_f32")]
    [TestCase("linear_gradient_filter")]
    [TestCase("linear_bigvocab")]
    [TestCase("linear_tied_both")]
    [TestCase("linear_zero_weight")]
    [TestCase("slerp_f32")]
    [TestCase("ta_f32")]
    [TestCase("ta_base_listed")]
    [TestCase("ties_f32_d20_50_80")]
    [TestCase("ties_int8_lambda")]
    [TestCase("dare_linear_f32")]
    [TestCase("dare_ties_norescale_f32")]
    [TestCase("passthrough_stack")]
    [TestCase("passthrough_f16")]
    [TestCase("tok_base")]
    public void With_mergekits_semantics_every_element_agrees_with_mergekit(string name)
    {
        var golden = new GoldenCase(name);

        (int differing, int elements) = Compare(golden.Merge(MergeSemantics.Mergekit), golden.Expected());

        Assert.That(differing, Is.Zero, $"of {elements} elements");
    }

    // Where the published methods differ from mergekit's: not at all, or in the elements named in docs/mergekit-compatibility.md.
    [TestCase("linear_f32", 0, "")]
    [TestCase("ta_f32", 0, "")]
    [TestCase("ties_f32_d20_50_80", 0, "")]
    [TestCase("ties_int8_lambda", 0, "")]
    [TestCase("dare_ties_norescale_f32", 0, "")]
    [TestCase("passthrough_stack", 0, "")]
    public void With_published_semantics_only_the_documented_elements_differ(string name, int expected, string why)
    {
        var golden = new GoldenCase(name);

        (int differing, _) = Compare(golden.Merge(MergeSemantics.Published), golden.Expected());

        Assert.That(differing, Is.EqualTo(expected), why);
    }

    private static (int Differing, int Elements) Compare(Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        Assert.That(actual.Keys, Is.EquivalentTo(expected.Keys));
        int differing = 0;
        int elements = 0;
        foreach ((string tensor, double[] values) in expected)
        {
            Assert.That(actual[tensor], Has.Length.EqualTo(values.Length), tensor);
            elements += values.Length;
            differing += values.Zip(actual[tensor]).Count(pair =>
                Math.Abs(pair.First - pair.Second) > Math.Max(AbsoluteTolerance, RelativeTolerance * Math.Abs(pair.First)));
        }

        return (differing, elements);
    }
}
