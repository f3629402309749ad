using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class RecipeParametersTests
{
    private const string Attention = "model.layers.0.self_attn.q_proj.weight";
    private const string Mlp = "model.layers.0.mlp.up_proj.weight";

    [TestCase("{density: 0.1}", "{density: 0.2}", "{density: 0.3}", 0.1)]
    [TestCase("{}", "{density: 0.2}", "{density: 0.3}", 0.2)]
    [TestCase("{}", "{}", "{density: 0.3}", 0.3)]
    [TestCase("{}", "{}", "{}", 1.0)]
    [TestCase("{density: [{filter: mlp, value: 0.1}]}", "{density: [{filter: up, value: 0.2}]}", "{density: 0.3}", 0.3)]
    [TestCase("{density: [{filter: mlp, value: 0.1}]}", "{}", "{density: [{filter: mlp, value: 0.3}]}", 1.0)]
    [TestCase("{density: [{filter: attn, value: 0.1}]}", "{density: 0.2}", "{}", 0.1)]
    public void A_model_parameter_is_the_sources_then_the_slices_then_the_recipes_then_the_default(
        string source, string slice, string top, double expected)
    {
        Recipe recipe = Sliced(source, slice, top);

        double? value = RecipeParameters.ForModel(
            recipe, recipe.Slices[0], recipe.Slices[0].Sources[1], TestMethods.Density, Attention, 0);

        Assert.That(value, Is.EqualTo(expected));
    }

    [TestCase("{lambda: 2}", "{lambda: 3}", 2)]
    [TestCase("{}", "{lambda: 3}", 3)]
    [TestCase("{}", "{}", 1)]
    [TestCase("{lambda: [{filter: mlp, value: 2}]}", "{lambda: 3}", 3)]
    public void A_merge_parameter_is_the_slices_then_the_recipes_then_the_default(
        string slice, string top, double expected)
    {
        Recipe recipe = Sliced("{}", slice, top);

        double? value = RecipeParameters.ForMerge(recipe, recipe.Slices[0], TestMethods.Lambda, Attention, 0);

        Assert.That(value, Is.EqualTo(expected));
    }

    [Test]
    public void A_gradient_follows_the_position()
    {
        Recipe recipe = Sliced("{weight: [0, 1]}", "{}", "{}");

        double? value = RecipeParameters.ForModel(
            recipe, recipe.Slices[0], recipe.Slices[0].Sources[1], TestMethods.Weight, Mlp, 0.25);

        Assert.That(value, Is.EqualTo(0.25));
    }

    [Test]
    public void A_required_model_parameter_without_value_is_an_error_at_its_model()
    {
        Recipe recipe = TestMethods.Parse("merge_method: linear\nmodels:\n  - model: ./a\n  - model: ./b");

        RecipeException error = Assert.Throws<RecipeException>(() => RecipeParameters.ForModel(
            recipe, null, recipe.Models[1], TestMethods.Weight, Mlp, 0))!;

        Assert.That(error.Message, Is.EqualTo(
            $"r.yml:4:5: linear needs 'weight' of model './b' for tensor '{Mlp}', and nothing sets it: write "
            + "`parameters: {weight: 0.5}` under this model, or under the top-level 'parameters' for all models"));
    }

    [Test]
    public void A_required_parameter_whose_filters_all_miss_is_an_error_that_says_so()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            models:
              - {model: ./a, parameters: {weight: [{filter: self_attn, value: 1}]}}
            """);

        RecipeException error = Assert.Throws<RecipeException>(() => RecipeParameters.ForModel(
            recipe, null, recipe.Models[0], TestMethods.Weight, Mlp, 0))!;

        Assert.That(error.Reason, Does.Contain("no filter").And.Contain("matches it").And.Contain("`- value: 0.5`"));
    }

    [Test]
    public void A_required_merge_parameter_without_value_is_an_error_at_the_method()
    {
        Recipe recipe = TestMethods.Parse("merge_method: slerp\nbase_model: ./base\nmodels: [{model: ./a}]");

        RecipeException error = Assert.Throws<RecipeException>(() => RecipeParameters.ForMerge(
            recipe, null, TestMethods.T, Mlp, 0))!;

        Assert.That((error.Line, error.Column), Is.EqualTo((1, 15)));
        Assert.That(error.Reason, Does.Contain("'t'").And.Contain(Mlp).And.Contain("`parameters: {t: 0.5}`"));
    }

    [Test]
    public void A_parameter_that_allows_none_may_have_none()
    {
        Recipe recipe = TestMethods.Parse("merge_method: passthrough\nmodels: [{model: ./a}]");

        double? value = RecipeParameters.ForModel(recipe, null, recipe.Models[0], TestMethods.Scale, Mlp, 0);

        Assert.That(value, Is.Null);
    }

    [Test]
    public void A_parameter_of_the_other_scope_is_a_mistake_of_the_caller()
    {
        Recipe recipe = TestMethods.Parse("merge_method: passthrough\nmodels: [{model: ./a}]");

        Assert.That(
            () => RecipeParameters.ForModel(recipe, null, recipe.Models[0], TestMethods.T, Mlp, 0),
            Throws.ArgumentException);
        Assert.That(
            () => RecipeParameters.ForMerge(recipe, null, TestMethods.Weight, Mlp, 0), Throws.ArgumentException);
    }

    private static Recipe Sliced(string source, string slice, string top) => TestMethods.Parse($$"""
        merge_method: ties
        base_model: ./base
        slices:
          - sources:
              - {model: ./base, layer_range: [0, 4]}
              - {model: ./a, layer_range: [0, 4], parameters: {{source}}}
            parameters: {{slice}}
        parameters: {{top}}
        """);
}
