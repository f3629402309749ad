using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class BadRecipeTests
{
    [TestCaseSource(typeof(BadRecipes), nameof(BadRecipes.Grammar))]
    [TestCaseSource(typeof(BadRecipes), nameof(BadRecipes.Models))]
    [TestCaseSource(typeof(BadRecipes), nameof(BadRecipes.Parameters))]
    [TestCaseSource(typeof(BadRecipes), nameof(BadRecipes.Yaml))]
    public void A_mistake_is_refused_where_it_is_and_explained(string yaml, int line, int column, string[] words)
    {
        RecipeException error = Assert.Throws<RecipeException>(() => TestMethods.Parse(yaml))!;

        Assert.That((error.Line, error.Column), Is.EqualTo((line, column)), error.Message);
        Assert.That(error.Message, Is.EqualTo($"r.yml:{line}:{column}: {error.Reason}"));
        foreach (string word in words)
        {
            Assert.That(error.Reason, Does.Contain(word));
        }
    }

    [TestCase("")]
    [TestCase("# only a comment\n")]
    public void An_empty_recipe_is_refused(string yaml)
    {
        RecipeException error = Assert.Throws<RecipeException>(() => TestMethods.Parse(yaml))!;

        Assert.That(error.Message, Is.EqualTo("r.yml: the recipe is empty, expected a mapping with 'merge_method' and "
            + "'models'"));
    }

    [Test]
    public void A_message_without_a_path_still_has_line_and_column()
    {
        RecipeException error = Assert.Throws<RecipeException>(() => Recipe.Parse("- a", null, TestMethods.All))!;

        Assert.That(error.Message, Does.StartWith("recipe:1:1: "));
        Assert.That(error.Path, Is.Null);
    }

    [Test]
    public void What_a_message_quotes_is_short_and_without_control_characters()
    {
        string yaml = $"merge_method: \"a\\e[31m{new string('x', 5000)}\"";

        RecipeException error = Assert.Throws<RecipeException>(() => TestMethods.Parse(yaml))!;

        Assert.That(error.Reason, Does.Contain("'a?[31mxxx").And.Contain("xxx...'"));
        Assert.That(error.Reason, Has.Length.LessThan(400));
    }
}
