using System.Globalization;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Methods;

[Parallelizable(ParallelScope.All)]
internal sealed class SlerpTests
{
    [Test]
    [Pairwise]
    public void The_result_lies_on_the_arc(
        [ValueSource(typeof(VectorModels), nameof(VectorModels.Lengths))] int length,
        [Values(0, 0.25, 0.7, 1)] double t,
        [Values] MergeSemantics semantics)
    {
        using var models = new VectorModels(length);

        double[] merged = models.Merge(Recipe(t, "e0"), new MergeOptions { Semantics = semantics });

        VectorModels.AssertClose(
            merged, Formulas.Slerp(models.Base, models.Experts[0], t, semantics == MergeSemantics.Mergekit));
    }

    [Test]
    public void A_quarter_turn_keeps_length_and_passes_the_middle()
    {
        Assert.That(
            Between([3, 0], [0, 3], 0.5), Is.EqualTo(new double[] { 3 / Math.Sqrt(2), 3 / Math.Sqrt(2) }).Within(1e-6));
    }

    [Test]
    public void The_ends_are_the_models_themselves([Values] MergeSemantics semantics)
    {
        float[] from = [1, 2, -3];
        float[] to = [-2, 0.5f, 4];

        Assert.That(Between(from, to, 0, semantics), Is.EqualTo(from));
        Assert.That(Between(from, to, 1, semantics), Is.EqualTo(to).Within(1e-6));
    }

    [TestCase(
        new float[] { 0, 0 }, new float[] { 4, 8 }, new double[] { 1, 2 }, TestName = "From_zero_the_way_is_straight")]
    [TestCase(
        new float[] { 4, 8 }, new float[] { 0, 0 }, new double[] { 3, 6 }, TestName = "To_zero_the_way_is_straight")]
    [TestCase(
        new float[] { 0, 0 }, new float[] { 0, 0 }, new double[] { 0, 0 }, TestName = "Between_zeros_there_is_zero")]
    [TestCase(
        new float[] { 1, 2 }, new float[] { 3, 6 }, new double[] { 1.5, 3 },
        TestName = "Along_a_ray_the_way_is_straight")]
    [TestCase(
        new float[] { 1, 2 }, new float[] { -1, -2 }, new double[] { 0.5, 1 },
        TestName = "Between_opposites_the_way_is_straight")]
    public void Where_there_is_no_arc(float[] from, float[] to, double[] expected)
    {
        Assert.That(Between(from, to, 0.25), Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void A_zero_vector_is_at_right_angles_to_everything_in_mergekit()
    {
        double[] expected = [4 * Math.Sin(Math.PI / 8), 8 * Math.Sin(Math.PI / 8)];

        Assert.That(Between([0, 0], [4, 8], 0.25, MergeSemantics.Mergekit), Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void Near_parallels_follow_the_arc_but_for_mergekit_the_chord()
    {
        float[] from = [1, 0.02f];
        float[] to = [5, -0.02f];

        double[] arc = Between(from, to, 0.5);
        double[] chord = Between(from, to, 0.5, MergeSemantics.Mergekit);

        Assert.That(arc, Is.EqualTo(Formulas.Slerp([1, 0.02f], [5, -0.02f], 0.5, mergekit: false)).Within(1e-6));
        Assert.That(chord, Is.EqualTo(new double[] { 3, 0 }).Within(1e-6));
        Assert.That(arc[0] - chord[0], Is.GreaterThan(1e-4));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_value_that_is_no_number_leaves_the_others_alone(float bad)
    {
        // The angle is undefined, so the way is straight.
        double[] merged = Between([1, 2, bad], [3, 6, 5], 0.5);

        Assert.That(merged[..2], Is.EqualTo(new double[] { 2, 4 }).Within(1e-6));
        Assert.That(merged[2], Is.EqualTo((double)bad));
    }

    private static double[] Between(
        float[] from, float[] to, double t, MergeSemantics semantics = MergeSemantics.Published)
    {
        using var workshop = new Workshop();
        workshop.Vector("base", from);
        workshop.Vector("other", to);
        return workshop.MergeVector(Recipe(t, "other"), new MergeOptions { Semantics = semantics });
    }

    private static string Recipe(double t, string other) => string.Create(CultureInfo.InvariantCulture, $$"""
        merge_method: slerp
        base_model: base
        models: [{model: base}, {model: {{other}} }]
        parameters: {t: {{t}} }
        """);
}
