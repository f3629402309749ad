using System.Text;
using Interfuse.Testing;

namespace Interfuse.Cli.Tests;

/// <summary>Recipes that can't be carried out: the message names the line.</summary>
public sealed class RecipeMistakeTests
{
    private TempFolder _folder = null!;

    [SetUp]
    public void MakeModels()
    {
        _folder = new TempFolder();
        SmallModels.WriteThree(_folder);
    }

    [TearDown]
    public void DeleteModels() => _folder.Dispose();

    [Test]
    public void A_recipe_that_does_not_exist()
    {
        string recipe = _folder["recipe.yml"];

        Mistakes.AssertRefused(
            _folder, ExitCode.BadInput, ["merge", recipe, _folder["out"]], recipe, "there is no such file");
    }

    [Test]
    public void A_recipe_that_is_a_folder()
    {
        Mistakes.AssertRefused(
            _folder, ExitCode.BadInput, ["merge", _folder["base"], _folder["out"]], _folder["base"], "folder");
    }

    [Test]
    public void An_unknown_method()
    {
        AssertRefused(SmallModels.Ties.Replace(": ties", ": teis"), line: 1, "'teis'", "did you mean 'ties'?");
    }

    [Test]
    public void A_density_above_one()
    {
        AssertRefused(SmallModels.Ties.Replace("density: 0.4", "density: 1.4"), line: 6, "density", "1.4");
    }

    [Test]
    public void A_density_below_zero()
    {
        AssertRefused(SmallModels.Ties.Replace("density: 0.4", "density: -0.1"), line: 6, "density", "-0.1");
    }

    [Test]
    public void A_gradient_of_words()
    {
        AssertRefused(SmallModels.Ties.Replace("weight: 1,", "weight: [0.5, high],"), line: 6, "weight", "high");
    }

    [Test]
    public void A_gradient_for_a_flag()
    {
        AssertRefused(
            SmallModels.Ties.Replace("weight: 1,", "weight: 1, normalize: [0.1, 0.9],"), line: 6, "normalize");
    }

    [Test]
    public void A_layer_range_out_of_bounds()
    {
        const string Recipe = """
            merge_method: linear
            slices:
            - sources:
              - {model: ./expert1, layer_range: [0, 3]}
              - {model: ./expert2, layer_range: [0, 3]}
            parameters: {weight: 1}
            """;

        AssertRefused(Recipe, line: 4, "layer_range [0, 3]", "has 2 layers");
    }

    [Test]
    public void A_key_in_the_wrong_place()
    {
        AssertRefused("density: 0.5\n" + SmallModels.Ties, line: 1, "'density'", "parameters");
    }

    [Test]
    public void A_recipe_that_is_not_YAML()
    {
        AssertRefused("merge_method: [ties\nmodels: x", line: null, "not YAML");
    }

    [Test]
    public void A_bomb_of_aliases()
    {
        var yaml = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 12; i++)
        {
            yaml.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        AssertRefused(yaml.ToString(), line: null, "aliases");
    }

    [Test]
    public void A_model_name_that_would_command_the_terminal()
    {
        AssertRefused(SmallModels.Linear.Replace("./expert1", "\"./\\e[31mexpert1\""), line: null, "there is no such");
    }

    private void AssertRefused(string recipe, int? line, params string[] fragments)
    {
        string path = _folder.Write("recipe.yml", recipe);
        string place = line is null ? path : $"{path}:{line}:";
        Mistakes.AssertRefused(
            _folder, ExitCode.BadInput, ["merge", path, _folder["out"]], [.. fragments, line is null ? "" : place]);
    }
}
