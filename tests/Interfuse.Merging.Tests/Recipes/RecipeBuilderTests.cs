using Interfuse.Checkpoints;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class RecipeBuilderTests
{
    [Test]
    public void A_built_recipe_reads_like_a_written_one()
    {
        Recipe recipe = Recipe.With("ties")
            .Base("./base")
            .Model("./math", model => model.Set("weight", 1.0).Set("density", 0.5))
            .Model("./code", model => model
                .Gradient("density", 0, 0.25, 1)
                .Filter("weight", "self_attn", 0.5)
                .Filter("weight", "mlp", 0.5, 1)
                .Filter("weight", "*", 1e-5))
            .Set("normalize", true)
            .Filter("rescale", "mlp", false)
            .DType(DType.Float32)
            .OutDType(DType.BFloat16)
            .Tokenizer("base")
            .Build(TestMethods.All);

        Assert.That(recipe.ToYaml(), Is.EqualTo("""
            merge_method: ties
            base_model: ./base
            models:
            - model: ./math
              parameters:
                weight: 1
                density: 0.5
            - model: ./code
              parameters:
                density: [0, 0.25, 1]
                weight:
                - filter: self_attn
                  value: 0.5
                - filter: mlp
                  value: [0.5, 1]
                - filter: "*"
                  value: 1E-05
            parameters:
              normalize: true
              rescale:
              - filter: mlp
                value: false
            dtype: float32
            out_dtype: bfloat16
            tokenizer_source: base

            """));
        Assert.That(recipe.Text, Is.EqualTo(recipe.ToYaml()));
        Assert.That(recipe.MethodLocation, Is.EqualTo(new SourceLocation(null, 0, 0)));
    }

    [Test]
    public void Slices_are_built_in_order()
    {
        Recipe recipe = Recipe.With("linear")
            .Slice(slice => slice.Source("./a", 0, 16).Source("./b", 4, 20, b => b.Set("weight", 2)).Set("weight", 1))
            .Slice(slice => slice.Source("./a", 16, 16, a => a.Set("weight", 1)))
            .Build(TestMethods.All);

        Assert.That(recipe.ToYaml(), Is.EqualTo("""
            merge_method: linear
            slices:
            - sources:
              - model: ./a
                layer_range: [0, 16]
              - model: ./b
                layer_range: [4, 20]
                parameters:
                  weight: 2
              parameters:
                weight: 1
            - sources:
              - model: ./a
                layer_range: [16, 16]
                parameters:
                  weight: 1

            """));
    }

    [Test]
    public void A_built_recipe_means_what_its_own_YAML_means()
    {
        Recipe built = Recipe.With("ties")
            .Base("./base")
            .Model("./a", model => model.Filter("weight", "mlp", 0.1, 0.7).Filter("weight", "", 1.0 / 3))
            .Set("lambda", -0.0)
            .Build(TestMethods.All);

        Recipe parsed = Recipe.Parse(built.ToYaml(), null, TestMethods.All);

        Assert.That(parsed.ToYaml(), Is.EqualTo(built.ToYaml()));
        foreach (string tensor in new[] { "x.mlp.y", "x.attn.y" })
        {
            Assert.That(
                RecipeParameters.ForModel(parsed, null, parsed.Models[0], TestMethods.Weight, tensor, 0.3),
                Is.EqualTo(RecipeParameters.ForModel(built, null, built.Models[0], TestMethods.Weight, tensor, 0.3)));
        }

        double lambda = parsed.Parameters.Items[0].Setting.AllValues().Single();
        Assert.That(lambda, Is.EqualTo(0).And.Matches<double>(double.IsNegative));
    }

    [TestCase("true")]
    [TestCase("12")]
    [TestCase("~")]
    [TestCase("null")]
    [TestCase("- a")]
    [TestCase("a: b #c")]
    [TestCase(" a ")]
    [TestCase("it's \"so\"")]
    [TestCase("C:\\models\\a")]
    [TestCase("*x")]
    [TestCase("new\nline\ttab")]
    [TestCase("modèles/模型/😀")]
    [TestCase("a\u0085b\u2028c\ufeffd\u0007")]
    [TestCase("./a long path with spaces, which is longer than the eighty columns that an emitter likes to fold at")]
    public void Any_path_survives_the_way_through_YAML(string path)
    {
        Recipe built = Recipe.With("linear").Model(path).Build(TestMethods.All);

        Assert.That(built.Models[0].Model.Text, Is.EqualTo(path));
        Assert.That(Recipe.Parse(built.Text, null, TestMethods.All).Models[0].Model.Text, Is.EqualTo(path));
    }

    [Test]
    public void A_later_setting_replaces_an_earlier_one()
    {
        Recipe recipe = Recipe.With("linear")
            .Model("./a")
            .Filter("weight", "mlp", 1).Set("weight", 2).Set("weight", 3)
            .Build(TestMethods.All);

        Assert.That(recipe.Parameters.Items.Single().Setting, Is.EqualTo(new NumberSetting(3)));
    }

    [Test]
    public void Mistakes_in_a_built_recipe_have_no_line()
    {
        RecipeException error = Assert.Throws<RecipeException>(
            () => Recipe.With("linear").Model("./a").Model("a").Build(TestMethods.All))!;

        Assert.That(error.Message, Is.EqualTo(
            "recipe: model 'a' is here twice: name each model once and add up its weights"));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    [TestCase(1.5)]
    public void Values_out_of_range_are_refused_as_in_YAML(double value)
    {
        RecipeBuilder builder = Recipe.With("slerp").Base("./base").Model("./a").Set("t", value);

        Assert.That(() => builder.Build(TestMethods.All), Throws.TypeOf<RecipeException>());
    }

    [Test]
    public void What_no_recipe_can_hold_is_a_mistake_of_the_caller()
    {
        Assert.That(() => Recipe.With("linear").Model("\ud800"), Throws.ArgumentException);
        Assert.That(() => Recipe.With("linear").Gradient("weight"), Throws.ArgumentException);
        Assert.That(() => Recipe.With("linear").Filter("weight", null!, 1), Throws.ArgumentNullException);
    }
}
