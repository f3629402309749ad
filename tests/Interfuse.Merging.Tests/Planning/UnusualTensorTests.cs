using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Planning;

[Parallelizable(ParallelScope.All)]
internal sealed class UnusualTensorTests
{
    private static readonly string[] Methods =
    [
        "merge_method: linear, models: [{model: base}, {model: a}], parameters: {weight: 0.5}",
        "merge_method: slerp, base_model: base, models: [{model: a}], parameters: {t: 0.5}",
        "merge_method: task_arithmetic, base_model: base, models: [{model: a}], parameters: {weight: 0.5}",
        "merge_method: ties, base_model: base, models: [{model: a}], parameters: {weight: 1, lambda: 0.5}",
        "merge_method: dare_ties, base_model: base, models: [{model: a}], parameters: {weight: 0.5, rescale: true}",
    ];

    [Test]
    public void Tensors_without_elements_and_without_dimensions_are_merged_by_every_method(
        [ValueSource(nameof(Methods))] string method)
    {
        using var workshop = new Workshop();
        foreach ((string name, float value) in new[] { ("base", 1f), ("a", 3f) })
        {
            workshop.Model(
                name,
                ModelTensors.Float32("empty", [0, 5], []),
                ModelTensors.Float32("scalar", [], [value]),
                ModelTensors.Float32("nothing", [0], []));
        }

        Dictionary<string, double[]> merged = workshop.Merge($"{{{method}}}", Workshop.Mergekit);

        Assert.That(merged["scalar"], Is.EqualTo(new double[] { 2 }));
        Assert.That((merged["empty"].Length, merged["nothing"].Length), Is.EqualTo((0, 0)));
        using var checkpoint = Checkpoint.Open(workshop.Target);
        Assert.That(checkpoint.TryGetTensor("empty", out CheckpointTensor? empty), Is.True);
        Assert.That(empty!.Info.Shape, Is.EqualTo(new List<long> { 0, 5 }));
    }

    [Test]
    public void A_model_of_nothing_but_empty_tensors_is_merged([ValueSource(nameof(Methods))] string method)
    {
        using var workshop = new Workshop();
        workshop.Vector("base");
        workshop.Vector("a");

        Assert.That(workshop.MergeVector($"{{{method}}}"), Is.Empty);
    }

    [Test]
    public void Integers_are_carried_over_from_the_first_model_whatever_the_type_of_the_output()
    {
        using var workshop = new Workshop();
        (TensorSpec Spec, byte[] Data) positions = ModelFolder.Random(1, "position_ids", DType.Int64, 1, 50);
        (TensorSpec Spec, byte[] Data) mask = ModelFolder.Random(2, "mask", DType.Bool, 9);
        workshop.Model("base", positions, mask, ModelTensors.Float32("w", [1], [1]));
        workshop.Model(
            "a",
            ModelFolder.Random(3, "position_ids", DType.Int64, 1, 50),
            ModelFolder.Random(4, "mask", DType.Bool, 9),
            ModelTensors.Float32("w", [1], [2]));

        workshop.Run($"{{{Methods[2]}, dtype: bfloat16}}");

        using var checkpoint = Checkpoint.Open(workshop.Target);
        foreach ((TensorSpec spec, byte[] data) in new[] { positions, mask })
        {
            Assert.That(checkpoint.TryGetTensor(spec.Name, out CheckpointTensor? tensor), Is.True);
            byte[] bytes = new byte[data.Length];
            tensor!.Read(0, bytes);
            Assert.That((tensor.Info.DType, bytes), Is.EqualTo((spec.DType, data)));
        }
    }

    [Test]
    public void Eight_bit_floats_are_copied_where_nothing_is_computed()
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelFolder.Random(1, "w", DType.Float8E4M3, 100), ModelTensors.Float32("scale", [1], [2]));

        workshop.Run("{merge_method: passthrough, models: [{model: a}]}");

        Assert.That(
            File.ReadAllBytes(workshop["out", "model.safetensors"]),
            Is.EqualTo(File.ReadAllBytes(workshop["a", "model.safetensors"])));
    }

    [Test]
    public void Values_that_are_no_numbers_are_merged_counted_and_reported_by_tensor()
    {
        using var workshop = new Workshop();
        workshop.Model(
            "a", ModelTensors.Float32(
                "bad", [4], [float.NaN, 1, float.PositiveInfinity, 2]), ModelTensors.Float32("good", [2], [1, 2]));
        workshop.Model(
            "b", ModelTensors.Float32(
                "bad", [4], [1, 2, float.NegativeInfinity, 4]), ModelTensors.Float32("good", [2], [3, 4]));

        MergeReport report = workshop.Run(
            "{merge_method: linear, models: [{model: a}, {model: b}], parameters: {weight: 1}}");

        Assert.That(report.NonFinite, Is.EqualTo(new List<NonFiniteTensor> { new("bad", 2) }));
        Assert.That(ModelTensors.Read(workshop.Target)["bad"], Is.EqualTo(new[] { double.NaN, 1.5, double.NaN, 3 }));
    }

    [Test]
    public void Values_too_large_for_the_type_of_the_output_are_counted()
    {
        using var workshop = new Workshop();
        workshop.Vector("a", 70_000, 1);

        MergeReport report = workshop.Run("{merge_method: passthrough, models: [{model: a}], out_dtype: float16}");

        Assert.That(report.NonFinite, Is.EqualTo(new List<NonFiniteTensor> { new("w", 1) }));
    }

    [Test]
    public void A_buffer_that_only_some_models_store_is_left_out_with_a_warning()
    {
        using var workshop = new Workshop();
        const string Buffer = "model.layers.0.self_attn.rotary_emb.inv_freq";
        workshop.Model("a", TinyModel.Constant("w", 1), TinyModel.Constant(Buffer, 1));
        workshop.Model("b", TinyModel.Constant("w", 2));

        using MergePlan plan = workshop.Plan(
            "{merge_method: linear, models: [{model: a}, {model: b}], parameters: {weight: 1}}");

        Assert.That(plan.TensorCount, Is.EqualTo(1));
        Assert.That(plan.Warnings, Has.One.Contains($"'{Buffer}'").And.One.Contains("b doesn't have it"));
    }
}
