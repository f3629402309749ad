using Interfuse.Checkpoints;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Planning;

/// <summary>
/// Files that fit their format but no model: refused by name, or merged all the same, and never a crash.
/// </summary>
[Parallelizable(ParallelScope.All)]
internal sealed class HostileModelTests
{
    private const string WithTokenizer = """
        merge_method: linear
        base_model: a
        tokenizer_source: base
        models: [{model: a}, {model: b}]
        parameters: {weight: 1}
        """;

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("{\"model\": {\"vocab\": 7}}")]
    [TestCase("{\"model\": {\"vocab\": {\"a\": \"b\"}}}")]
    [TestCase("{\"model\": {\"vocab\": {\"a\": 1e99}}}")]
    [TestCase("{\"model\": {\"vocab\": [[]]}}")]
    [TestCase("{\"model\": {\"vocab\": [[null, 0]]}}")]
    [TestCase("{\"model\": {\"vocab\": {}}, \"added_tokens\": [{\"id\": 1}]}")]
    [TestCase("{\"model\": {\"vocab\": {}}, \"added_tokens\": [{\"id\": 1, \"content\": null}]}")]
    [TestCase("{\"model\": {\"vocab\": {}}, \"added_tokens\": [3]}")]
    public void A_tokenizer_that_is_none_is_named(string json)
    {
        using var workshop = new Workshop();
        workshop.Model("a", new TinyModel { Value = 1, Tokens = ["x"] });
        workshop.Model("b", new TinyModel { Value = 1 });
        string file = workshop.Write("b/tokenizer.json", json);

        Assert.That(
            () => workshop.Run(
                WithTokenizer), Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains(file));
    }

    [Test]
    public void Token_ids_beyond_the_rows_and_below_zero_are_tokens_without_a_row()
    {
        using var workshop = new Workshop();
        workshop.Model("a", new TinyModel { Value = 1, Tokens = ["x", "y"] });
        workshop.Model("b", new TinyModel { Value = 1 });
        workshop.Write(
            "b/tokenizer.json", "{\"model\": {\"vocab\": {\"x\": 2000000000, \"y\": -2000000000, \"z\": 2}}}");

        Assert.That(
            TinyModel.RowsOf(
                workshop.Merge(WithTokenizer)["model.embed_tokens.weight"])[..2], Is.EqualTo(new double[] { 1, 2 }));
    }

    [TestCase(new long[] { }, 1)]
    [TestCase(new long[] { 6 }, 6)]
    [TestCase(new long[] { 2, 3, 1 }, 6)]
    [TestCase(new long[] { 4_000_000_000, 0 }, 0)]
    [TestCase(new long[] { 2_000_000_000, 0 }, 0)]
    public void An_embedding_that_is_no_matrix_can_not_be_lined_up(long[] shape, int elements)
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelTensors.Float32("model.embed_tokens.weight", shape, new float[elements]));
        workshop.Model("b", ModelTensors.Float32("model.embed_tokens.weight", [3, 2], new float[6]));
        workshop.Write("a/tokenizer.json", TinyModel.Tokenizer(["x"]));
        workshop.Write("b/tokenizer.json", TinyModel.Tokenizer(["y"]));

        Assert.That(
            () => workshop.Run(WithTokenizer),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains("'model.embed_tokens.weight'"));
    }

    [TestCase(new long[] { }, 1)]
    [TestCase(new long[] { 6 }, 6)]
    [TestCase(new long[] { 4_000_000_000, 0 }, 0)]
    public void An_embedding_that_is_no_matrix_can_be_merged(long[] shape, int elements)
    {
        using var workshop = new Workshop();
        float[] ones = [.. Enumerable.Repeat(1f, elements)];
        workshop.Model("a", "{\"vocab_size\": 3}", ModelTensors.Float32("model.embed_tokens.weight", shape, ones));
        workshop.Model("b", ModelTensors.Float32("model.embed_tokens.weight", shape, ones));

        Dictionary<string, double[]> merged = workshop.Merge(
            "{merge_method: linear, models: [{model: a}, {model: b}], parameters: {weight: 1}}");

        Assert.That(merged["model.embed_tokens.weight"], Is.EqualTo(ones));
    }

    [Test]
    public void Rows_of_a_type_that_can_not_be_computed_with_are_not_lined_up()
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelFolder.Random(1, "model.embed_tokens.weight", DType.Float8E5M2, 3, 2));
        workshop.Model("b", ModelTensors.Float32("model.embed_tokens.weight", [3, 2], new float[6]));
        workshop.Write("a/tokenizer.json", TinyModel.Tokenizer(["x", "y", "z"]));
        workshop.Write("b/tokenizer.json", TinyModel.Tokenizer(["z"]));

        // The base is no input of the merge, but its rows fill in.
        Assert.That(
            () => workshop.Run(WithTokenizer.Replace("{model: a}, ", "", StringComparison.Ordinal)),
            Throws.InstanceOf<CheckpointFormatException>().With.Message.Contains(workshop["a", "model.safetensors"])
                .And.Message.Contains("F8_E5M2"));
    }

    [TestCase("\"layer_types\": []")]
    [TestCase("\"layer_types\": [\"full\"]")]
    [TestCase("\"layer_types\": {}")]
    [TestCase("\"layer_types\": 3")]
    [TestCase("\"model_type\": 3")]
    public void Layer_types_that_do_not_fit_the_layers_are_left_to_the_models_code(string config)
    {
        using var workshop = new Workshop();
        workshop.Model("a", new TinyModel { Value = 1, Config = "\"layer_types\": [\"full\", \"sliding\"]" });
        workshop.Model("b", new TinyModel { Value = 1, Config = config });

        workshop.Run("""
            merge_method: passthrough
            slices:
            - sources: [{model: a, layer_range: [0, 2]}]
            - sources: [{model: b, layer_range: [0, 2]}]
            """);

        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).Json.ContainsKey("layer_types"), Is.False);
    }
}
