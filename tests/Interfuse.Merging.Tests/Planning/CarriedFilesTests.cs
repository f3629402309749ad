using Interfuse.Checkpoints;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Planning;

/// <summary>The files beside the weights, and the model they come from.</summary>
[Parallelizable(ParallelScope.All)]
internal sealed class CarriedFilesTests
{
    [Test]
    public void The_bases_files_come_along_with_the_chat_template_but_without_its_card_and_weights()
    {
        using Workshop workshop = Models();
        workshop.Write("base/chat_template.jinja", "template of base");
        workshop.Write("base/generation_config.json", "{}");
        workshop.Write("base/README.md", "card of base");
        workshop.Write("base/pytorch_model.bin", "weights");
        workshop.Write("a/chat_template.jinja", "template of a");

        workshop.Run(
            "{merge_method: task_arithmetic, base_model: base, models: [{model: a}], parameters: {weight: 1}}");

        Assert.That(
            Directory.GetFiles(workshop.Target).Select(Path.GetFileName),
            Is.EquivalentTo(new List<string>
            {
                "README.md", "chat_template.jinja", "config.json", "generation_config.json", "interfuse_recipe.yml",
                "model.safetensors",
            }));
        Assert.That(File.ReadAllText(workshop["out", "chat_template.jinja"]), Is.EqualTo("template of base"));
        Assert.That(
            File.ReadAllText(workshop["out", "README.md"]),
            Does.Contain("task_arithmetic").And.Not.Contain("card of base"));
    }

    [Test]
    public void With_a_tokenizer_source_the_tokenizers_files_are_its_and_the_others_the_bases()
    {
        using Workshop workshop = Models();
        foreach (string model in new[] { "base", "a" })
        {
            workshop.Write($"{model}/tokenizer.json", TinyModel.Tokenizer(["x"]));
            workshop.Write($"{model}/chat_template.jinja", model);
            workshop.Write($"{model}/generation_config.json", model);
        }

        workshop.Run("""
            merge_method: linear
            base_model: base
            tokenizer_source: a
            models: [{model: a}]
            parameters: {weight: 1}
            """);

        Assert.That(File.ReadAllText(workshop["out", "chat_template.jinja"]), Is.EqualTo("a"));
        Assert.That(File.ReadAllText(workshop["out", "generation_config.json"]), Is.EqualTo("base"));
    }

    [TestCase("{model: base}, {model: a}, {model: b}", 3)]
    [TestCase("{model: a}, {model: b}, {model: base}", 3)]
    [TestCase("{model: a}, {model: b}", 2)]
    public void A_base_model_of_linear_gives_the_files_and_takes_part_only_where_it_is_listed(string models, int merged)
    {
        using Workshop workshop = Models();

        Dictionary<string, double[]> tensors = workshop.Merge(
            $"{{merge_method: linear, base_model: base, models: [{models}], parameters: {{weight: 1}}}}");

        // base 1, a 2, b 6
        Assert.That(tensors["model.norm.weight"][0], Is.EqualTo(merged == 3 ? 3 : 4));
        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).ModelType, Is.EqualTo("base"));
    }

    [Test]
    public void Without_a_base_model_the_first_model_gives_the_files()
    {
        using Workshop workshop = Models();

        workshop.Run("{merge_method: linear, models: [{model: b}, {model: a}], parameters: {weight: 1}}");

        Assert.That(ModelConfig.Read(workshop["out", "config.json"]).ModelType, Is.EqualTo("b"));
    }

    [Test]
    public void The_configuration_says_the_type_that_is_written()
    {
        using Workshop workshop = Models();

        workshop.Run("{merge_method: passthrough, models: [{model: a}], dtype: float32, out_dtype: bfloat16}");

        Assert.That(
            ModelConfig.Read(workshop["out", "config.json"]).Json["torch_dtype"]!.GetValue<string>(),
            Is.EqualTo("bfloat16"));
        using var checkpoint = Checkpoint.Open(workshop.Target);
        Assert.That(checkpoint.Tensors.Select(tensor => tensor.Info.DType), Is.All.EqualTo(DType.BFloat16));
    }

    [Test]
    public void Paths_are_relative_to_the_recipe_and_two_spellings_are_one_model()
    {
        using Workshop workshop = Models();
        string path = workshop.Write("recipes/r.yml", """
            merge_method: task_arithmetic
            base_model: ../base
            models:
            - model: ../recipes/../a
            - model: ../base/
            parameters: {weight: 1}
            """);

        using MergePlan plan = MergePlan.Create(Recipe.Load(path, MergeMethods.Signatures), new MergeOptions());

        Assert.That(plan.ModelPaths, Is.EquivalentTo(new List<string> { workshop["base"], workshop["a"] }));
    }

    private static Workshop Models()
    {
        var workshop = new Workshop();
        workshop.Model("base", new TinyModel { Value = 1, Config = "\"model_type\": \"base\"" });
        workshop.Model("a", new TinyModel { Value = 2, Config = "\"model_type\": \"a\"" });
        workshop.Model("b", new TinyModel { Value = 6, Config = "\"model_type\": \"b\"" });
        return workshop;
    }
}
