using Interfuse.Merging.Methods;
using Interfuse.Testing;

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

        Assert.That(Differing(golden.Merge(MergeSemantics.Mergekit), golden.Expected()), Is.Empty);
    }

    [TestCase("linear_f32", 0)]
    [TestCase("ta_f32", 0)]
    [TestCase("passthrough_stack", 0)]
    [TestCase("ties_f32_d20_50_80", 159)]
    [TestCase("ties_int8_lambda", 402)]
    [TestCase("dare_ties_norescale_f32", 105)]
    public void With_published_semantics_only_elements_without_a_majority_differ_and_keep_the_base(string name, int withoutMajority)
    {
        var golden = new GoldenCase(name);
        Dictionary<string, double[]> baseValues = golden.Recipe.BaseModel is { } model ? ModelTensors.Read(golden.Recipe.ResolvePath(model)) : [];

        (string Tensor, int Index, double Value)[] differing = [.. Differing(golden.Merge(MergeSemantics.Published), golden.Expected())];

        Assert.That(differing, Has.Length.EqualTo(withoutMajority));
        Assert.That(differing, Has.All.Matches<(string Tensor, int Index, double Value)>(
            element => element.Value == baseValues[element.Tensor][element.Index]));
    }

    [Test]
    public void With_published_semantics_slerp_follows_the_arc_where_mergekit_takes_the_chord()
    {
        var golden = new GoldenCase("slerp_f32");
        Dictionary<string, double[]> expected = golden.Expected();

        string[] tensors = [.. Differing(golden.Merge(MergeSemantics.Published), expected).Select(element => element.Tensor).Distinct()];

        // Norm gains of two fine-tunes lie within 2 degrees of each other; matrices of these small models do not.
        Assert.That(tensors, Is.Not.Empty);
        Assert.That(tensors, Has.All.Contains("norm"));
    }

    private static IEnumerable<(string Tensor, int Index, double Value)> Differing(
        Dictionary<string, double[]> actual, Dictionary<string, double[]> expected)
    {
        Assert.That(actual.Keys, Is.EquivalentTo(expected.Keys));
        foreach ((string tensor, double[] values) in expected)
        {
            Assert.That(actual[tensor], Has.Length.EqualTo(values.Length), tensor);
            for (int i = 0; i < values.Length; i++)
            {
                if (Math.Abs(values[i] - actual[tensor][i]) > Math.Max(AbsoluteTolerance, RelativeTolerance * Math.Abs(values[i])))
                {
                    yield return (tensor, i, actual[tensor][i]);
                }
            }
        }
    }
}
