using System.Globalization;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Methods;

/// <summary>task_arithmetic and ties against their formulas.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class TaskVectorMethodsTests
{
    // Powers of two: weighted sums are exact, so that an elected sign can't hang on a rounding.
    private static readonly double[] Weights = [0.5, -0.25, 1];

    [Test]
    [Pairwise]
    public void Task_arithmetic_adds_weighted_task_vectors(
        [ValueSource(typeof(VectorModels), nameof(VectorModels.Lengths))] int length,
        [Values] bool normalize,
        [Values(1, 0.375)] double lambda)
    {
        using var models = new VectorModels(length);

        double[] merged = models.Merge(Recipe("task_arithmetic", string.Create(
            CultureInfo.InvariantCulture, $"normalize: {Flag(normalize)}, lambda: {lambda}")));

        VectorModels.AssertClose(merged, Formulas.Add(models.Base, models.Deltas, Weights, normalize, lambda));
    }

    [Test]
    [Pairwise]
    public void Ties_trims_elects_and_merges(
        [ValueSource(typeof(VectorModels), nameof(VectorModels.Lengths))] int length,
        [Values(0.2, 0.5, 1)] double density,
        [Values] bool normalize,
        [Values] bool rescale,
        [Values] MergeSemantics semantics)
    {
        using var models = new VectorModels(length);
        double lambda = normalize ? 1 : 1.5;
        string parameters = string.Create(
            CultureInfo.InvariantCulture,
            $"density: {density}, normalize: {Flag(normalize)}, rescale: {Flag(rescale)}, lambda: {lambda}");
        double[][] deltas = models.Deltas;
        double[][] trimmed = [.. deltas.Select(delta => Formulas.Trim(delta, density))];
        if (rescale)
        {
            trimmed = [.. trimmed.Zip(deltas, Formulas.KeepNorm)];
        }

        double[] merged = models.Merge(Recipe("ties", parameters), new MergeOptions { Semantics = semantics });

        // A scale is no power of two: where rounding decides over a sum of zero, both outcomes are right.
        double[] expected = Formulas.Elect(
            models.Base, trimmed, Weights, normalize, lambda, semantics == MergeSemantics.Mergekit);
        int[] decided = [.. Enumerable.Range(0, length)
            .Where(i => !rescale || trimmed.All(delta => delta[i] == 0)
                || Math.Abs(trimmed.Select((delta, d) => Weights[d] * delta[i]).Sum()) > 1e-5)];
        Assert.That(decided, Has.Length.GreaterThan(0.9 * length));
        VectorModels.AssertClose([.. decided.Select(i => merged[i])], [.. decided.Select(i => expected[i])]);
    }

    [Test]
    public void Each_expert_has_its_own_density()
    {
        using var models = new VectorModels(5000);
        double[][] trimmed = [.. models.Deltas.Zip([0.1, 0.9, 0], Formulas.Trim)];

        double[] merged = models.Merge("""
            merge_method: ties
            base_model: base
            models:
            - {model: e0, parameters: {weight: 0.5, density: 0.1}}
            - {model: e1, parameters: {weight: -0.25, density: 0.9}}
            - {model: e2, parameters: {weight: 1, density: 0}}
            """);

        VectorModels.AssertClose(
            merged, Formulas.Elect(models.Base, trimmed, Weights, normalize: true, 1, mergekit: false));
    }

    [TestCase("ties", 0)]
    [TestCase("dare_ties", 0)]
    [TestCase("dare_linear", 0)]
    public void With_density_0_the_base_is_left(string method, double density)
    {
        using var models = new VectorModels(3000);

        Assert.That(models.Merge(Recipe(method, $"density: {density}, rescale: true")), Is.EqualTo(models.Base));
    }

    [TestCase("dare_linear", "task_arithmetic")]
    [TestCase("dare_ties", "ties")]
    public void With_density_1_dare_drops_nothing(string dare, string plain)
    {
        using var models = new VectorModels(3000);

        Assert.That(
            models.Merge(Recipe(dare, "density: 1, normalize: true")),
            Is.EqualTo(models.Merge(Recipe(plain, "normalize: true"))));
    }

    [TestCase("task_arithmetic")]
    [TestCase("ties")]
    [TestCase("dare_linear")]
    [TestCase("dare_ties")]
    public void With_lambda_0_the_base_is_left(string method)
    {
        using var models = new VectorModels(3000);

        Assert.That(models.Merge(Recipe(method, "lambda: 0")), Is.EqualTo(models.Base));
    }

    [Test]
    public void The_smallest_density_keeps_one_element()
    {
        using var models = new VectorModels(1000, experts: 1);

        double[] merged = models.Merge(
            "{merge_method: ties, base_model: base, models: [{model: e0}], parameters: {weight: 1, density: 1e-9}}");

        double[] expected = Formulas.Elect(
            models.Base, [Formulas.Trim(models.Deltas[0], 1e-9)], [1], normalize: true, 1, mergekit: false);
        Assert.That(merged, Is.EqualTo(expected));
        Assert.That(merged.Where((value, i) => value != models.Base[i]).Count(), Is.EqualTo(1));
    }

    [Test]
    public void A_density_keeps_the_share_it_says_also_where_the_binary_product_falls_short(
        [Values] MergeSemantics semantics)
    {
        using var workshop = new Workshop();
        workshop.Vector("base", new float[100]);
        workshop.Vector("e0", [.. Enumerable.Range(1, 100).Select(i => (float)i)]);

        double[] merged = workshop.MergeVector(
            "{merge_method: ties, base_model: base, models: [{model: e0}], parameters: {weight: 1, density: 0.29}}",
            new MergeOptions { Semantics = semantics });

        Assert.That(merged.Count(value => value != 0), Is.EqualTo(semantics == MergeSemantics.Published ? 29 : 28));
    }

    [Test]
    public void A_value_that_is_no_number_leaves_the_others_alone(
        [Values("task_arithmetic", "ties", "dare_linear", "dare_ties")] string method,
        [Values(float.NaN, float.NegativeInfinity)] float bad,
        [Values] MergeSemantics semantics)
    {
        using var workshop = new Workshop();
        workshop.Vector("base", new float[64]);
        workshop.Vector("e0", [bad, .. Enumerable.Repeat(1f, 63)]);
        workshop.Vector("e1", [.. Enumerable.Repeat(2f, 64)]);

        string thinning = method == "task_arithmetic" ? "" : ", density: 0.5, rescale: true";
        string yaml = $"{{merge_method: {method}, base_model: base, models: [{{model: e0}}, {{model: e1}}], "
            + $"parameters: {{weight: 1{thinning}}}}}";

        double[] merged = workshop.MergeVector(yaml, new MergeOptions { Semantics = semantics });

        Assert.That(merged[1..], Has.All.Matches<double>(double.IsFinite));
    }

    private static string Recipe(string method, string parameters) => $$"""
        merge_method: {{method}}
        base_model: base
        models:
        - {model: e0, parameters: {weight: 0.5} }
        - {model: e1, parameters: {weight: -0.25} }
        - {model: e2, parameters: {weight: 1} }
        parameters: { {{parameters}} }
        """;

    private static string Flag(bool on) => on ? "true" : "false";
}
