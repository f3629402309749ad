namespace Interfuse.Merging.Tests.Methods;

[Parallelizable(ParallelScope.All)]
internal sealed class LinearTests
{
    private static readonly double[] Weights = [0.5, -0.75, 2];

    private const string Models = """
        merge_method: linear
        models:
        - {model: e0, parameters: {weight: 0.5}}
        - {model: e1, parameters: {weight: -0.75}}
        - {model: e2, parameters: {weight: 2}}
        parameters:
        """;

    [Test]
    public void The_result_is_the_weighted_mean(
        [ValueSource(typeof(VectorModels), nameof(VectorModels.Lengths))] int length, [Values] bool normalize)
    {
        using var models = new VectorModels(length);
        string yaml = $"{Models}\n  normalize: {(normalize ? "true" : "false")}";

        VectorModels.AssertClose(models.Merge(yaml), Formulas.Linear(models.Experts, Weights, normalize));
    }

    [Test]
    public void Weights_are_normalized_unless_told_otherwise()
    {
        using var models = new VectorModels(100);

        VectorModels.AssertClose(models.Merge(Models + " {}"), Formulas.Linear(models.Experts, Weights));
    }

    [Test]
    public void A_single_model_comes_out_as_it_went_in_whatever_its_weight()
    {
        using var models = new VectorModels(1000);

        double[] merged = models.Merge("{merge_method: linear, models: [{model: e1}], parameters: {weight: 0.3}}");

        Assert.That(merged, Is.EqualTo(models.Experts[1]));
    }

    [Test]
    public void Equal_models_with_weights_that_are_exact_come_out_as_they_went_in()
    {
        using var workshop = new Workshop();
        float[] values = [1.1f, -2.7e-30f, 3e30f, 0, 1e-37f];
        workshop.Vector("a", values);
        workshop.Vector("b", values);

        double[] merged = workshop.MergeVector(
            "{merge_method: linear, models: [{model: a}, {model: b}], parameters: {weight: 7}}");

        Assert.That(merged, Is.EqualTo(values));
    }
}
