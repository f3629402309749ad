using Interfuse.Compute;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Methods;

[Parallelizable(ParallelScope.All)]
internal sealed class DareTests
{
    private const int Length = TileGrid.TileLength + 5077;
    private static readonly double[] Weights = [0.5, -0.25, 1];

    [Test]
    public void What_is_kept_follows_the_random_numbers_of_seed_tensor_and_place(
        [Values] bool elect, [Values] bool rescale, [Values] MergeSemantics semantics)
    {
        using var models = new VectorModels(Length);
        double[][] thinned = [.. models.Deltas.Select((delta, expert) => Thin(delta, expert, seed: 77, density: 0.25))];
        if (rescale)
        {
            thinned = semantics == MergeSemantics.Mergekit
                ? [.. thinned.Zip(models.Deltas, Formulas.KeepNorm)]
                : [.. thinned.Select(delta => Array.ConvertAll(delta, value => value / 0.25))];
        }

        double[] merged = models.Merge($"""
            merge_method: {(elect ? "dare_ties" : "dare_linear")}
            base_model: base
            models:
            - model: e0
              parameters:
                weight: 0.5
            - model: e1
              parameters:
                weight: -0.25
            - model: e2
              parameters:
                weight: 1
            parameters:
              density: 0.25
              rescale: {(rescale ? "true" : "false")}
            """, new MergeOptions { Semantics = semantics, Seed = 77 });

        // Where the sum of what is left is nothing but a rounding error, either sign may be elected.
        bool mergekit = semantics == MergeSemantics.Mergekit;
        double[] expected = elect
            ? Formulas.Elect(models.Base, thinned, Weights, normalize: false, 1, mergekit)
            : Formulas.Add(models.Base, thinned, Weights, normalize: false, 1);
        bool exact = !(rescale && mergekit);
        int[] decided = [.. Enumerable.Range(0, Length)
            .Where(i => exact || Math.Abs(thinned.Select((delta, d) => Weights[d] * delta[i]).Sum()) > 1e-5
                || thinned.All(delta => delta[i] == 0))];
        Assert.That(decided, Has.Length.GreaterThan(0.99 * Length));
        VectorModels.AssertClose([.. decided.Select(i => merged[i])], [.. decided.Select(i => expected[i])]);
    }

    [TestCase(0.1)]
    [TestCase(0.5)]
    [TestCase(0.9)]
    [TestCase(0.99999)]
    public void The_share_kept_is_the_density_and_rescaling_keeps_the_mean(double density)
    {
        // Shares count in steps of 2^-16, and what is kept is rescaled by the share itself.
        double share = Math.Round(density * 65536) / 65536;
        double[] merged = DropFromOnes(FormattableString.Invariant($"density: {density}"), seed: 5);
        double kept = merged.Count(value => value != 0) / (double)Length;

        // Five standard deviations of a share of so many independent draws; the seed is fixed, so the outcome is too.
        double deviation = Math.Sqrt(density * (1 - density) / Length);
        Assert.That(kept, Is.EqualTo(share).Within(5 * deviation));
        Assert.That(merged.Average(), Is.EqualTo(1).Within(5 * deviation / density));
        Assert.That(merged.Where(value => value != 0), Is.All.EqualTo((float)(1 / share)));
    }

    [Test]
    public void A_density_that_rounds_to_all_keeps_all() =>
        Assert.That(DropFromOnes("density: 0.999999", seed: 5), Is.All.EqualTo(1));

    [Test]
    public void The_smallest_density_keeps_the_smallest_share()
    {
        double[] merged = DropFromOnes("density: 1e-9", seed: 6);

        // A number of 16 bits is 0 once in 65536 elements: as many as this tensor has, of which seed 6 keeps some.
        Assert.That(merged.Count(value => value == 65536), Is.EqualTo(merged.Count(value => value != 0)).And.InRange(1, 8));
    }

    [Test]
    public void A_density_of_zero_keeps_none() =>
        Assert.That(DropFromOnes("density: 0", seed: 5), Is.All.EqualTo(0));

    [Test]
    public void Neighbours_are_dropped_independently()
    {
        bool[] kept = Array.ConvertAll(DropFromOnes("density: 0.5", seed: 6), value => value != 0);

        foreach (int distance in new[] { 1, 2, 3, 4, 8, 1024, TileGrid.TileLength })
        {
            int pairs = Length - distance;
            int alike = Enumerable.Range(0, pairs).Count(i => kept[i] == kept[i + distance]);
            Assert.That(
                alike / (double)pairs, Is.EqualTo(0.5).Within(5 * 0.5 / Math.Sqrt(pairs)), $"distance {distance}");
        }
    }

    [Test]
    public void Experts_draw_independently()
    {
        using var workshop = new Workshop();
        workshop.Vector("base", new float[Length]);
        workshop.Vector("a", Ones(1));
        workshop.Vector("b", Ones(2));

        double[] merged = workshop.MergeVector("""
            {merge_method: dare_linear, base_model: base, models: [{model: a}, {model: b}],
             parameters: {weight: 1, density: 0.5, rescale: false}}
            """);

        foreach (int value in new[] { 0, 1, 2, 3 })
        {
            Assert.That(
                merged.Count(element => element == value) / (double)Length,
                Is.EqualTo(0.25).Within(5 * Math.Sqrt(0.1875 / Length)),
                $"share of {value}");
        }
    }

    [Test]
    public void Another_seed_drops_others_and_the_same_seed_the_same()
    {
        double[] first = DropFromOnes("density: 0.5", seed: 1);

        Assert.That(DropFromOnes("density: 0.5", seed: 1), Is.EqualTo(first));
        double[] other = DropFromOnes("density: 0.5", seed: 2);
        double alike = other.Zip(first).Count(pair => pair.First == pair.Second) / (double)Length;
        Assert.That(alike, Is.EqualTo(0.5).Within(5 * 0.5 / Math.Sqrt(Length)));
    }

    [Test]
    public void Tensors_of_other_names_drop_others()
    {
        using var workshop = new Workshop();
        workshop.Model(
            "base",
            ModelTensors.Float32("v", [Length], new float[Length]),
            ModelTensors.Float32("w", [Length], new float[Length]));
        workshop.Model("a", ModelTensors.Float32("v", [Length], Ones(1)), ModelTensors.Float32("w", [Length], Ones(1)));

        Dictionary<string, double[]> merged = workshop.Merge(Recipe("density: 0.5"));

        double alike = merged["v"].Zip(merged["w"]).Count(pair => pair.First == pair.Second) / (double)Length;
        Assert.That(alike, Is.EqualTo(0.5).Within(5 * 0.5 / Math.Sqrt(Length)));
    }

    [Test]
    public void What_is_dropped_does_not_depend_on_the_other_tensors_their_order_or_the_shards()
    {
        double[] alone = DropFromOnes("density: 0.5", seed: 3);
        using var workshop = new Workshop();
        float[] zeros = new float[Length];
        workshop.Model(
            "a",
            ModelTensors.Float32("a", [3], [1, 2, 3]),
            ModelTensors.Float32("w", [Length], Ones(1)),
            ModelTensors.Float32("x", [Length], zeros));
        workshop.Model(
            "base",
            ModelTensors.Float32("x", [Length], zeros),
            ModelTensors.Float32("a", [3], [0, 0, 0]),
            ModelTensors.Float32("w", [Length], zeros));

        Dictionary<string, double[]> merged = workshop.Merge(
            Recipe("density: 0.5"), new MergeOptions { Seed = 3, Threads = 3, ShardSize = 100_000 });

        Assert.That(merged["w"], Is.EqualTo(alone));
    }

    private static double[] DropFromOnes(string parameters, ulong seed)
    {
        using var workshop = new Workshop();
        workshop.Vector("base", new float[Length]);
        workshop.Vector("a", Ones(1));
        return workshop.MergeVector(Recipe(parameters), new MergeOptions { Seed = seed });
    }

    private static string Recipe(string parameters) => $$"""
        merge_method: dare_linear
        base_model: base
        models: [{model: a}]
        parameters: {weight: 1, {{parameters}} }
        """;

    private static float[] Ones(float value)
    {
        float[] values = new float[Length];
        Array.Fill(values, value);
        return values;
    }

    private static double[] Thin(double[] delta, int expert, ulong seed, double density)
    {
        ushort[] numbers = new ushort[delta.Length];
        new CpuKernels(CpuPath.Scalar).PhiloxNumbers(seed, DropStream.Of("w", expert), 0, numbers);
        return [.. delta.Select((value, i) => numbers[i] < density * 65536 ? value : 0)];
    }
}
