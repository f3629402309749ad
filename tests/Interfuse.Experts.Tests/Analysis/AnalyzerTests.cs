using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Experts.Analysis;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Experts.Tests.Analysis;

public sealed class AnalyzerTests
{
    private static readonly string[] Projections = ["q_proj", "down_proj"];

    private static readonly string[] Names = ["e1", "e2", "e3"];
    private static readonly string[] Modules = ["embed", "q_proj", "down_proj", "norm", "head"];

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase(1)]
    [TestCase(3)]
    public void Every_number_is_that_of_the_plain_formula(int threads)
    {
        for (int model = 0; model <= 3; model++)
        {
            Write(model == 0 ? "base" : $"e{model}", seed: model);
        }

        ModelAnalysis analysis = Run(3, threads);
        Dictionary<string, double[]> before = ModelTensors.Read(_folder["base"]);
        Dictionary<string, double[]>[] experts = [.. Enumerable.Range(1, 3).Select(e => ModelTensors.Read(_folder[$"e{e}"]))];
        Assert.That(analysis.Experts, Is.EqualTo(Names));
        Assert.That(analysis.Tensors.Select(tensor => tensor.Name), Is.EquivalentTo(before.Keys));
        foreach (TensorAnalysis tensor in analysis.Tensors)
        {
            double[] values = before[tensor.Name];
            double[][] deltas = [.. experts.Select(expert => expert[tensor.Name].Zip(values, (x, y) => (double)((float)x - (float)y)).ToArray())];
            CheckStatistics(tensor.Statistics, deltas, values);
        }

        double[][] all = [.. experts.Select(expert => before.Keys.Where(name => name.Contains("q_proj", StringComparison.Ordinal))
            .SelectMany(name => expert[name].Zip(before[name], (x, y) => (double)((float)x - (float)y))).ToArray())];
        double[] bases = [.. before.Where(pair => pair.Key.Contains("q_proj", StringComparison.Ordinal)).SelectMany(pair => pair.Value)];
        CheckStatistics(analysis.Of(tensor => tensor.Module == "q_proj")!, all, bases);
    }

    [Test]
    public void Tensors_are_known_by_layer_and_module()
    {
        Write("base", 0);
        Write("e1", 1);
        Write("e2", 2);
        ModelAnalysis analysis = Run(2);
        Assert.That(analysis.Modules, Is.EqualTo(Modules));
        Assert.That(analysis.Layers, Is.EqualTo(new int?[] { null, 0, 1 }));
        Assert.That(analysis.Of(tensor => tensor.Module == "router"), Is.Null);
    }

    [Test]
    public void The_curve_is_about_the_projections_and_never_below_the_fixed_points()
    {
        for (int model = 0; model <= 4; model++)
        {
            Write(model == 0 ? "base" : $"e{model}", seed: model);
        }

        SizeCurve curve = Run(4).Curve;
        Assert.That(curve.EnsembleBytes, Is.EqualTo(2 * 4 * ((24 * 16) + (16 * 24)) * 4));
        Assert.That(curve.Fixed.Select(point => point.Bytes), Is.EqualTo(new[] { 0.25, 0.5, 0.75, 1 }));
        Assert.That(curve.Fixed[^1].Energy, Is.EqualTo(1));
        Assert.That((curve.Channels, curve.SampledChannels), Is.EqualTo((80, 80)));
        foreach (CurvePoint point in curve.Fixed)
        {
            CurvePoint budget = curve.Budget.Single(other => Math.Abs(other.Target - point.Target) < 1e-9);
            Assert.That(budget.Energy, Is.GreaterThanOrEqualTo(point.Energy));
            Assert.That(budget.Bytes, Is.LessThanOrEqualTo(point.Bytes));
        }

        Assert.That(curve.Budget.Select(point => point.Energy), Is.Ordered);
        Assert.That(curve.Budget.Select(point => point.Target), Has.Some.EqualTo(0.3).Within(1e-3));
    }

    [Test]
    public void How_far_an_expert_went_does_not_bend_the_curve()
    {
        WriteOne("base", [0, 0, 0, 0]);
        WriteOne("e1", [1, 1, 0, 0]);
        WriteOne("e2", [1, -1, 0, 0]);
        SizeCurve near = Run(2).Curve;
        Directory.Delete(_folder["e2"], recursive: true);
        WriteOne("e2", [8, -8, 0, 0]);
        SizeCurve far = Run(2).Curve;
        Assert.That(near.Fixed[0].Energy, Is.EqualTo(0.5).Within(1e-12));
        Assert.That(far.Fixed[0].Energy, Is.EqualTo(0.5).Within(1e-12));
    }

    [Test]
    public void Of_very_many_channels_a_sample_makes_the_curve()
    {
        // Every third row holds a fifth of the energy and loses half of it, the others lose nothing.
        const int Rows = 60_000;
        WriteMany("base", Rows, _ => (0, 0));
        WriteMany("e1", Rows, row => row % 3 == 0 ? (1, 0) : (1, 1));
        WriteMany("e2", Rows, row => row % 3 == 0 ? (0, 1) : (1, 1));
        SizeCurve curve = Run(2, threads: 2).Curve;
        Assert.That(curve.Channels, Is.EqualTo(Rows));
        Assert.That(curve.SampledChannels, Is.InRange(12_000, 17_000));
        Assert.That(curve.EnsembleBytes, Is.EqualTo(2L * Rows * 2 * sizeof(float)));
        Assert.That(curve.Fixed[0].Energy, Is.EqualTo(0.9).Within(0.001), "a tenth: half of the fifth that differs");
        Assert.That(Run(2, threads: 1).Curve.Budget, Is.EqualTo(curve.Budget));
    }

    [TestCase(1, 1, 0)]
    [TestCase(-1, -1, 1)]
    public void Identical_and_opposite_experts(float sign, double cosine, double conflict)
    {
        float[] change = [0.5f, -0.25f, 0, 2];
        WriteOne("base", [1, 1, 1, 1]);
        WriteOne("e1", [.. change.Select(x => 1 + x)]);
        WriteOne("e2", [.. change.Select(x => 1 + (sign * x))]);
        DeltaStatistics found = Run(2).Tensors.Single().Statistics;
        Assert.That(found.Cosine(0, 1), Is.EqualTo(cosine));
        Assert.That(found.MeanCosine(), Is.EqualTo(cosine));
        Assert.That(found.Conflict, Is.EqualTo(conflict));
        Assert.That(found.Contested, Is.EqualTo(3), "what nobody changed doesn't count");
        Assert.That(found.RelativeNorm(0), Is.EqualTo(Math.Sqrt(4.3125) / 2).Within(1e-12));
    }

    [Test]
    public void What_is_no_number_is_null()
    {
        WriteOne("base", [1, 1, 1, 1]);
        WriteOne("e1", [1, 1, 1, 1]);
        WriteOne("e2", [1, float.NaN, 1, 2]);
        DeltaStatistics found = Run(2).Tensors.Single().Statistics;
        Assert.That(found.Cosine(0, 1), Is.Null);
        Assert.That(found.MeanCosine(), Is.Null);
        Assert.That(found.Conflict, Is.Null);
        Assert.That(found.Norm(0), Is.Zero);
        Assert.That(found.Norm(1), Is.Null);
    }

    [Test]
    public void Vocabularies_of_different_size_are_compared_where_all_have_rows()
    {
        Write("base", 0);
        Write("e1", 1, vocabulary: 13);
        Write("e2", 2);
        ModelAnalysis analysis = Run(2);
        Assert.That(analysis.Tensors.Single(tensor => tensor.Module == "embed").Statistics.Parameters, Is.EqualTo(11 * 16));
        Assert.That(analysis.Warnings, Has.Some.Contains("embed_tokens").And.Some.Contains("first 11 rows"));
    }

    [Test]
    public void A_tensor_of_another_shape_or_none_is_an_error_that_names_it()
    {
        Write("base", 0);
        Write("e1", 1);
        WriteOne("e2", [1, 2, 3, 4]);
        var missing = Assert.Throws<CheckpointFormatException>(() => Run(2))!;
        Assert.That(missing.Tensor, Is.Not.Null);
        Assert.That(missing.Path, Is.EqualTo(_folder["e2"]));
        Assert.That(missing.Message, Does.Contain("is missing"));

        Directory.Delete(_folder["base"], recursive: true);
        Directory.Delete(_folder["e1"], recursive: true);
        WriteOne("base", [1, 2, 3, 4, 5, 6]);
        WriteOne("e1", [1, 2, 3, 4, 5, 6]);
        var shape = Assert.Throws<CheckpointFormatException>(() => Run(2))!;
        Assert.That(shape.Message, Does.Contain("[1, 4]").And.Contain("[1, 6]").And.Contain(shape.Tensor!));
    }

    [TestCase("merge_method: linear\nmodels: [{model: ./e1, parameters: {weight: 1}}, {model: ./e2, parameters: {weight: 1}}]", "base_model")]
    [TestCase("merge_method: ties\nbase_model: ./base\nmodels: [{model: ./e1, parameters: {weight: 1, density: 1}}]", "found 1")]
    public void A_recipe_that_says_too_little_is_an_error(string yaml, string expected)
    {
        using var device = new CpuDevice(1);
        var error = Assert.Throws<RecipeException>(() => Analyzer.Run(
            Recipe.Parse(yaml, _folder["recipe.yml"], MergeMethods.Signatures), device, 1, new AnalysisProgress()))!;
        Assert.That(error.Message, Does.Contain(expected));
        Assert.That(error.Line, Is.EqualTo(1));
    }

    [Test]
    public void It_can_be_stopped()
    {
        Write("base", 0);
        Write("e1", 1);
        Write("e2", 2);
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.That(() => Run(2, 2, source.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    private static void CheckStatistics(DeltaStatistics found, double[][] deltas, double[] values)
    {
        double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
        for (int e = 0; e < deltas.Length; e++)
        {
            Assert.That(found.Norm(e), Is.EqualTo(Math.Sqrt(Dot(deltas[e], deltas[e]))).Within(1e-9));
            Assert.That(
                found.RelativeNorm(e), Is.EqualTo(Math.Sqrt(Dot(deltas[e], deltas[e]) / Dot(values, values))).Within(1e-9));
            for (int f = 0; f < deltas.Length; f++)
            {
                double cosine = Dot(deltas[e], deltas[f]) / Math.Sqrt(Dot(deltas[e], deltas[e]) * Dot(deltas[f], deltas[f]));
                Assert.That(found.Cosine(e, f), Is.EqualTo(cosine).Within(1e-9));
            }
        }

        int contested = 0;
        int conflicting = 0;
        for (int i = 0; i < values.Length; i++)
        {
            contested += deltas.Count(delta => delta[i] != 0) > 1 ? 1 : 0;
            conflicting += deltas.Any(delta => delta[i] > 0) && deltas.Any(delta => delta[i] < 0) ? 1 : 0;
        }

        Assert.That(found.Parameters, Is.EqualTo(values.Length));
        Assert.That(found.Contested, Is.EqualTo(contested));
        Assert.That(found.Conflict, Is.EqualTo((double)conflicting / contested));
    }

    private ModelAnalysis Run(int experts, int threads = 1, CancellationToken cancellation = default)
    {
        string models = string.Join('\n', Enumerable.Range(1, experts).Select(
            e => $"- {{model: ./e{e}, parameters: {{weight: 1, density: 1}}}}"));
        Recipe recipe = Recipe.Parse(
            $"merge_method: ties\nbase_model: ./base\nmodels:\n{models}\n", _folder["recipe.yml"], MergeMethods.Signatures);
        using var device = new CpuDevice(1);
        return Analyzer.Run(recipe, device, threads, new AnalysisProgress(), cancellation);
    }

    // A stretch of two tiles and a half, and a few numbers that no expert changes.
    private void Write(string name, int seed, int vocabulary = 11)
    {
        var random = new Random(seed);
        float Next() => random.Next(5) == 0 ? 1 : (float)random.NextDouble();
        float[] Values(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => Next())];
        List<(TensorSpec Spec, byte[] Data)> tensors =
        [
            ModelTensors.Float32("model.embed_tokens.weight", [vocabulary, 16], Values(vocabulary * 16)),
            ModelTensors.Float32("lm_head.weight", [11, 16], Values(11 * 16)),
            ModelTensors.Float32("model.norm.weight", [600_001], Values(600_001)),
        ];
        for (int layer = 0; layer < 2; layer++)
        {
            tensors.Add(ModelTensors.Float32($"model.layers.{layer}.self_attn.{Projections[0]}.weight", [24, 16], Values(384)));
            tensors.Add(ModelTensors.Float32($"model.layers.{layer}.mlp.{Projections[1]}.weight", [16, 24], Values(384)));
            tensors.Add(ModelTensors.Float32($"model.layers.{layer}.input_layernorm.weight", [16], Values(16)));
        }

        ModelFolder.Write(_folder[name], tensors);
    }

    private void WriteMany(string name, int rows, Func<int, (float, float)> values) => ModelFolder.Write(
        _folder[name],
        [ModelTensors.Float32(
            "model.layers.0.mlp.up_proj.weight",
            [rows, 2],
            [.. Enumerable.Range(0, rows).SelectMany(row => new[] { values(row).Item1, values(row).Item2 })])]);

    private void WriteOne(string name, float[] values) => ModelFolder.Write(
        _folder[name], [ModelTensors.Float32("model.layers.0.mlp.up_proj.weight", [1, values.Length], values)]);
}
