using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests;

/// <summary>The examples of the repository do what they say.</summary>
internal sealed class ExampleTests
{
    private static IEnumerable<string> Recipes() =>
        Directory.EnumerateFiles(Repository.PathOf("examples", "tiny-experts"), "*.yml").Select(path => Path.GetFileName(path))
            // Packs', and those that evaluate: other projects' tests have them.
            .Where(name => name is not (
                "channel_merging.yml" or "greedy_soup.yml" or "mediator.yml" or "search.yml" or "twin_merging.yml"));

    [TestCaseSource(nameof(Recipes))]
    public void Every_recipe_of_the_tiny_experts_merges_without_a_warning(string name)
    {
        Recipe recipe = Recipe.Load(Repository.PathOf("examples", "tiny-experts", name), MergeMethods.Signatures);
        using var folder = new TempFolder();
        using MergePlan plan = MergePlan.Create(recipe, new MergeOptions());

        MergeReport report = Merger.Run(plan, folder["merged"], new MergeProgress(), CancellationToken.None);

        Assert.That(plan.Warnings, Is.Empty);
        Assert.That(report.NonFinite, Is.Empty);
        using var merged = Checkpoint.Open(folder["merged"]);
        Assert.That(merged.SideFiles, Does.Contain("tokenizer.json").And.Contain("generation_config.json"));
        Assert.That(merged.Tensors.Select(tensor => tensor.DType), Is.All.EqualTo(DType.BFloat16));
    }

    [Test]
    public void The_readmes_program_gives_what_the_same_recipe_in_yaml_gives()
    {
        using var folder = new TempFolder();
        string root = Repository.PathOf("examples", "tiny-experts");
        Recipe built = Recipe.With("ties")
            .Base($"{root}/base")
            .Model($"{root}/add", add => add.Set("weight", 1.0).Set("density", 0.5))
            .Model($"{root}/cipher", cipher => cipher.Set("weight", 1.0).Set("density", 0.5))
            .DType(DType.BFloat16)
            .Build(MergeMethods.Signatures);
        Recipe written = Recipe.Parse(
            """
            merge_method: ties
            base_model: ./base
            models:
              - { model: ./add, parameters: { weight: 1, density: 0.5 } }
              - { model: ./cipher, parameters: { weight: 1, density: 0.5 } }
            dtype: bfloat16
            """,
            Path.Combine(root, "recipe.yml"),
            MergeMethods.Signatures);

        Assert.That(Merge(built, folder["built"]), Is.EqualTo(Merge(written, folder["written"])));
    }

    private static byte[] Merge(Recipe recipe, string target)
    {
        using MergePlan plan = MergePlan.Create(recipe, new MergeOptions { MaxMemory = 1L << 30 });
        Merger.Run(plan, target, new MergeProgress(), CancellationToken.None);
        return File.ReadAllBytes(Path.Combine(target, "model.safetensors"));
    }
}
