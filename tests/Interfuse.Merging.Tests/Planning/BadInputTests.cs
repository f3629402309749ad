using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Planning;

/// <summary>Every mistake is named with its place, and leaves nothing at the target or beside it.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class BadInputTests
{
    private const string Linear = "{merge_method: linear, models: [{model: a}, {model: b}], parameters: {weight: 1}}";

    private static readonly TinyModel A = new() { Value = 1 };
    private static readonly TinyModel B = new() { Value = 2 };

    [Test]
    public void A_tensor_that_one_expert_lacks()
    {
        using Workshop workshop = Models(A with { Extra = [TinyModel.Constant("model.bonus.weight", 1)] }, B);

        Refuses<CheckpointFormatException>(
            workshop, Linear, workshop["b"], "'model.bonus.weight'", "missing", "but a has it");
    }

    [Test]
    public void A_tensor_that_one_expert_has_alone()
    {
        using Workshop workshop = Models(A, B with { Extra = [TinyModel.Constant("model.bonus.weight", 1)] });

        Refuses<CheckpointFormatException>(
            workshop, Linear, workshop["a"], "'model.bonus.weight'", "missing", "but b has it");
    }

    [Test]
    public void A_model_with_fewer_layers()
    {
        using Workshop workshop = Models(A, B with { Layers = 1 });

        Refuses<CheckpointFormatException>(workshop, Linear, workshop["b"], "model.layers.1.", "number of layers");
    }

    [Test]
    public void Shapes_that_differ()
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelTensors.Float32("w", [2, 3], new float[6]));
        workshop.Model("b", ModelTensors.Float32("w", [3, 2], new float[6]));

        Refuses<CheckpointFormatException>(
            workshop, Linear, workshop["b", "model.safetensors"], workshop["a", "model.safetensors"], "'w'", "[3, 2]",
            "[2, 3]");
    }

    [Test]
    public void Vocabularies_that_differ()
    {
        using Workshop workshop = Models(A, B with { Rows = 7 });

        Refuses<CheckpointFormatException>(
            workshop, Linear, workshop["b", "model.safetensors"], "'model.embed_tokens.weight'", "7 rows", "6",
            "tokenizer_source: base", "--truncate-embeddings");
    }

    [Test]
    public void Embeddings_of_other_width_also_where_rows_may_be_cut()
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelTensors.Float32("wte.weight", [3, 2], new float[6]));
        workshop.Model("b", ModelTensors.Float32("wte.weight", [2, 3], new float[6]));

        Refuses<CheckpointFormatException>(
            workshop, Linear, new MergeOptions { TruncateEmbeddings = true }, workshop["b", "model.safetensors"],
            "[2, 3]");
    }

    [Test]
    public void Integers_where_another_model_has_numbers()
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelTensors.Float32("w", [2], [1, 2]));
        workshop.Model("b", ModelFolder.Random(1, "w", DType.Int64, 2));

        Refuses<CheckpointFormatException>(
            workshop, Linear, workshop["b", "model.safetensors"], "'w'", "I64", "floating-point");
    }

    [Test]
    public void Eight_bit_floats_that_would_have_to_be_computed_with()
    {
        using var workshop = new Workshop();
        workshop.Model("a", ModelFolder.Random(1, "w", DType.Float8E4M3, 8));
        workshop.Model("b", ModelFolder.Random(2, "w", DType.Float8E4M3, 8));

        Refuses<CheckpointFormatException>(
            workshop, Linear, workshop["a", "model.safetensors"], "'w'", "F8_E4M3", "linear", "convert");
        Refuses<CheckpointFormatException>(
            workshop, "{merge_method: passthrough, models: [{model: a}], parameters: {scale: 2}}", "'w'", "F8_E4M3");
        Refuses<CheckpointFormatException>(
            workshop, "{merge_method: passthrough, models: [{model: a}], dtype: bfloat16}", "'w'", "F8_E4M3");
    }

    [Test]
    public void Quantised_models_whose_weights_are_integers()
    {
        using var workshop = new Workshop();
        workshop.Model("a", "{\"quantization_config\": {}}", ModelFolder.Random(1, "w.qweight", DType.Int32, 8));
        workshop.Model("b", "{\"quantization_config\": {}}", ModelFolder.Random(2, "w.qweight", DType.Int32, 8));

        Refuses<CheckpointFormatException>(workshop, Linear, workshop["a"], "'w.qweight'", "quantised", "bfloat16");
    }

    [Test]
    public void A_layer_range_beyond_the_last_layer()
    {
        using Workshop workshop = Models(A, B);

        Refuses<RecipeException>(workshop, """
            merge_method: passthrough
            slices:
            - sources:
              - model: a
                layer_range: [0, 1]
            - sources:
              - model: b
                layer_range: [1, 3]
            """, "recipe.yml:7:", "[1, 3]", "'b'", "2 layers");
    }

    [Test]
    public void A_slice_without_the_base_model()
    {
        using Workshop workshop = Models(A, B);

        Refuses<RecipeException>(workshop, """
            merge_method: slerp
            base_model: a
            parameters: {t: 0.5}
            slices:
            - sources:
              - {model: b, layer_range: [0, 2]}
            """, "recipe.yml:5:", "base_model", "'a'");
    }

    [Test]
    public void Slices_of_a_model_without_layers()
    {
        using var workshop = new Workshop();
        workshop.Vector("a", 1);

        Refuses<CheckpointFormatException>(
            workshop, "{merge_method: passthrough, slices: [{sources: [{model: a, layer_range: [0, 1]}]}]}",
            workshop["a"], "layer number", "use `models`");
    }

    [Test]
    public void Weights_that_sum_to_zero()
    {
        using Workshop workshop = Models(A, B);

        Refuses<UnfitSettingsException>(workshop, """
            merge_method: linear
            models:
            - {model: a, parameters: {weight: 1}}
            - {model: b, parameters: {weight: -1}}
            """, "'model.embed_tokens.weight'", "sum to zero", "normalize: false");
    }

    [Test]
    public void Weights_that_would_sum_to_zero_but_for_rounding()
    {
        using Workshop workshop = Models(A, B);
        workshop.Model("c", A);

        Refuses<UnfitSettingsException>(workshop, """
            merge_method: linear
            models:
            - {model: a, parameters: {weight: 0.1}}
            - {model: b, parameters: {weight: 0.2}}
            - {model: c, parameters: {weight: -0.3}}
            """, "sum to zero");
    }

    [Test]
    public void A_weight_that_no_filter_gives()
    {
        using Workshop workshop = Models(A, B);

        Refuses<RecipeException>(workshop, """
            merge_method: linear
            models:
            - {model: a, parameters: {weight: 0.1}}
            - model: b
              parameters:
                weight: [{filter: mlp, value: 1}]
            """, "recipe.yml:4:", "'weight'", "'b'", "'model.embed_tokens.weight'");
    }

    [Test]
    public void Memory_that_is_too_small()
    {
        using Workshop workshop = Models(A, B);

        Refuses<InterfuseException>(
            workshop, Linear, new MergeOptions { MaxMemory = 100 << 20 }, "at least", "--max-memory", "100 MiB");
    }

    [Test]
    public void A_file_that_is_cut_between_planning_and_reading()
    {
        using Workshop workshop = Models(A, B);
        using MergePlan plan = workshop.Plan(Linear);
        string file = workshop["b", "model.safetensors"];
        using (var stream = new FileStream(file, FileMode.Open))
        {
            stream.SetLength(stream.Length - 20);
        }

        Refuses<CheckpointFormatException>(
            workshop, () => Merger.Run(plan, workshop.Target, new(), CancellationToken.None), file, "shrank");
    }

    [TestCase("a", TestName = "An_input_as_target")]
    [TestCase("a/sub", TestName = "A_target_within_an_input")]
    [TestCase(".", TestName = "A_target_that_holds_an_input")]
    [TestCase("link", TestName = "A_link_to_an_input_as_target")]
    [TestCase("link/sub", TestName = "A_target_within_a_link_to_an_input")]
    public void Target(string target)
    {
        using Workshop workshop = Models(A, B);
        Directory.CreateSymbolicLink(workshop["link"], workshop["a"]);

        Refuses<InterfuseException>(
            workshop, () => workshop.Run(Linear, new MergeOptions { Overwrite = true }, target),
            Path.TrimEndingDirectorySeparator(Path.GetFullPath(workshop[target])), workshop["a"]);
        Assert.That(File.Exists(workshop["a", "model.safetensors"]), Is.True);
    }

    [Test]
    public void An_input_as_target_that_the_recipe_names_by_a_link()
    {
        using Workshop workshop = Models(A, B);
        Directory.CreateSymbolicLink(workshop["link"], workshop["a"]);

        Refuses<InterfuseException>(
            workshop, () => workshop.Run(Linear.Replace(
                "model: a", "model: link", StringComparison.Ordinal), new MergeOptions { Overwrite = true }, "a"),
            workshop["a"], workshop["link"]);
    }

    [Test]
    public void A_target_that_is_not_empty()
    {
        using Workshop workshop = Models(A, B);
        workshop.Write("out/mine.txt", "mine");

        Refuses<InterfuseException>(workshop, Linear, workshop.Target, "not empty");
        Assert.That(File.ReadAllText(workshop["out", "mine.txt"]), Is.EqualTo("mine"));
    }

    [Test]
    public void A_model_that_is_not_there()
    {
        using Workshop workshop = Models(A, B);

        Refuses<CheckpointFormatException>(
            workshop, Linear.Replace("model: b", "model: c", StringComparison.Ordinal), workshop["c"]);
    }

    [Test]
    public void Models_without_tensors()
    {
        using var workshop = new Workshop();
        workshop.Model("a");
        workshop.Model("b");

        Refuses<CheckpointFormatException>(workshop, Linear, workshop["a"], "no tensors");
    }

    [Test]
    public void A_model_whose_only_tensor_is_a_head_that_is_not_used()
    {
        using var workshop = new Workshop();
        workshop.Model("a", "{\"tie_word_embeddings\": true}", TinyModel.Constant("lm_head.weight", 1));

        Refuses<CheckpointFormatException>(
            workshop, "{merge_method: passthrough, models: [{model: a}]}", workshop["a"], "no tensors");
    }

    private static Workshop Models(TinyModel a, TinyModel b)
    {
        var workshop = new Workshop();
        workshop.Model("a", a);
        workshop.Model("b", b);
        return workshop;
    }

    private static void Refuses<TError>(Workshop workshop, string yaml, params string[] mentioned)
        where TError : InterfuseException =>
        Refuses<TError>(workshop, yaml, new MergeOptions(), mentioned);

    private static void Refuses<TError>(Workshop workshop, string yaml, MergeOptions options, params string[] mentioned)
        where TError : InterfuseException =>
        Refuses<TError>(workshop, () => workshop.Run(yaml, options), mentioned);

    private static void Refuses<TError>(Workshop workshop, Action merge, params string[] mentioned)
        where TError : InterfuseException
    {
        string[] before = [.. Directory.EnumerateFileSystemEntries(workshop.Path, "*", SearchOption.AllDirectories)];

        TError error = Assert.Throws<TError>(() => merge())!;

        Assert.Multiple(() =>
        {
            foreach (string text in mentioned)
            {
                Assert.That(error.Message, Does.Contain(text));
            }

            Assert.That(error.Message, Does.Not.Contain('\n'));
            Assert.That(
                Directory.EnumerateFileSystemEntries(
                    workshop.Path, "*", SearchOption.AllDirectories), Is.EquivalentTo(before));
        });
    }
}
