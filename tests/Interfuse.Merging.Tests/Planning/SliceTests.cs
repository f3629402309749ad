using Interfuse.Checkpoints;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Tests.Planning;

[Parallelizable(ParallelScope.All)]
internal sealed class SliceTests
{
    private const string Stack = """
        merge_method: passthrough
        slices:
        - sources: [{model: a, layer_range: [0, 2]}]
        - sources: [{model: b, layer_range: [1, 3]}]
        - sources: [{model: a, layer_range: [2, 3]}]
        """;

    private static readonly TinyModel A = new() { Value = 1, Layers = 3, Config = "\"num_hidden_layers\": 3" };
    private static readonly TinyModel B = A with { Value = 10 };

    [Test]
    public void Layers_are_numbered_anew_in_the_order_of_the_slices()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge(Stack);

        Assert.That(
            Enumerable.Range(0, 5).Select(layer => merged[$"model.layers.{layer}.mlp.up_proj.weight"][0]),
            Is.EqualTo(new double[] { 1, 2, 11, 12, 3 }));
        Assert.That(
            merged.Keys.Count(name => name.StartsWith("model.layers.", StringComparison.Ordinal)), Is.EqualTo(10));
    }

    [Test]
    public void What_comes_before_the_layers_is_the_first_slices_and_what_comes_after_the_lasts()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge("""
            merge_method: passthrough
            slices:
            - sources: [{model: a, layer_range: [0, 3]}]
            - sources: [{model: b, layer_range: [3, 3]}]
            """);

        Assert.That(
            (merged["model.embed_tokens.weight"][0], merged["model.norm.weight"][0], merged["lm_head.weight"][0]),
            Is.EqualTo((1.0, 10.0, 110.0)));
    }

    [TestCase("\"num_hidden_layers\": 3")]
    [TestCase("\"n_layer\": 3")]
    [TestCase("\"text_config\": {\"num_hidden_layers\": 3}")]
    public void The_configuration_follows_the_number_of_layers(string config)
    {
        using Workshop workshop = Models(A with { Config = config }, B);

        workshop.Run(Stack);

        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).LayerCount, Is.EqualTo(5));
    }

    [Test]
    public void Layer_types_follow_their_layers()
    {
        using Workshop workshop = Models(
            A with { Config = "\"num_hidden_layers\": 3, \"layer_types\": [\"a0\", \"a1\", \"a2\"]" },
            B with { Config = "\"num_hidden_layers\": 3, \"layer_types\": [\"b0\", \"b1\", \"b2\"]" });

        workshop.Run(Stack);

        Assert.That(
            ModelConfig.Read(
                workshop["out", "config.json"]).Json["layer_types"]!.AsArray().Select(type => type!.GetValue<string>()),
            Is.EqualTo(new List<string> { "a0", "a1", "b1", "b2", "a2" }));
    }

    [Test]
    public void A_gradient_runs_over_the_layers_of_its_slice_and_a_single_layer_stands_at_its_end()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge("""
            merge_method: linear
            slices:
            - sources: [{model: a, layer_range: [0, 3]}, {model: b, layer_range: [0, 3]}]
            - sources:
              - {model: a, layer_range: [0, 1]}
              - {model: b, layer_range: [1, 2], parameters: {weight: [0, 2]}}
            parameters: {weight: [0, 1], normalize: false}
            """);

        // First slice: weights 0, 1/2, 1 for both. Second: 1 and 2, and the layers are a's first and b's second.
        Assert.That(
            Enumerable.Range(0, 4).Select(layer => merged[$"model.layers.{layer}.mlp.up_proj.weight"][0]),
            Is.EqualTo(new double[] { 0, (2 + 11) / 2.0, 3 + 12, 1 + 22 }));
        Assert.That(
            merged["model.norm.weight"][0], Is.Zero,
            "what is outside the layers stands at the gradient's start");
    }

    [Test]
    public void A_gradient_runs_over_all_layers_of_a_whole_model()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge("""
            merge_method: slerp
            base_model: a
            models: [{model: a}, {model: b}]
            parameters:
              t:
              - {filter: mlp, value: [0, 1, 0]}
              - {value: 0}
            """, Workshop.Mergekit);

        // All elements of a tensor are alike, so two tensors are parallel and the way is straight.
        Assert.That(
            Enumerable.Range(0, 3).Select(layer => merged[$"model.layers.{layer}.mlp.up_proj.weight"][0]),
            Is.EqualTo(new double[] { 1, 11, 3 }));
        Assert.That(merged["model.layers.1.input_layernorm.weight"][0], Is.EqualTo(2));
    }

    [Test]
    public void Filters_look_at_the_models_own_layer_numbers_for_its_parameters_and_at_the_outputs_for_the_rest()
    {
        using Workshop workshop = Models(A, B);

        Dictionary<string, double[]> merged = workshop.Merge("""
            merge_method: passthrough
            slices:
            - sources: [{model: a, layer_range: [0, 1]}]
            - sources:
              - model: b
                layer_range: [0, 1]
                parameters: {scale: [{filter: layers.0., value: 100}, {value: 1}]}
            """);

        Assert.That(merged["model.layers.1.mlp.up_proj.weight"][0], Is.EqualTo(1000));
    }

    [Test]
    public void A_filter_that_matches_nothing_is_warned_of_with_its_line()
    {
        using Workshop workshop = Models(A, B);
        using MergePlan plan = workshop.Plan("""
            merge_method: linear
            models: [{model: a}, {model: b}]
            parameters:
              weight:
              - {filter: up_prj, value: 1}
              - {value: 2}
            """);

        Assert.That(plan.Warnings, Has.One.Contains("line 4").And.One.Contains("'up_prj'"));
    }

    private static Workshop Models(TinyModel a, TinyModel b)
    {
        var workshop = new Workshop();
        workshop.Model("a", a);
        workshop.Model("b", b);
        return workshop;
    }
}
