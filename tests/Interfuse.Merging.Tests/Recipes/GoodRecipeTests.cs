using Interfuse.Checkpoints;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

public sealed class GoodRecipeTests
{
    [Test]
    public void A_recipe_of_models_is_read_with_its_places()
    {
        Recipe recipe = TestMethods.Parse("""
            # A comment.
            merge_method: ties
            base_model: ./base
            models:
            - model: ./math
              parameters:
                weight: 0.5
                density: 0.4
            - model: ./code
              parameters: {weight: '0.3'}
            parameters:
              int8_mask: true
              normalize: 0
              lambda: 1.1
            dtype: float32
            out_dtype: torch.bfloat16
            tokenizer_source: base
            """);

        Assert.That(recipe.MergeMethod, Is.EqualTo("ties"));
        Assert.That(recipe.MethodLocation, Is.EqualTo(new SourceLocation("r.yml", 2, 15)));
        Assert.That(recipe.BaseModel, Is.EqualTo(Reference("./base")));
        Assert.That(recipe.BaseModel!.Location, Is.EqualTo(new SourceLocation("r.yml", 3, 13)));
        Assert.That(recipe.Slices, Is.Empty);
        Assert.That(recipe.Models.Select(source => source.Model.Text), Is.EqualTo(["./math", "./code"]));
        Assert.That(recipe.Models.Select(source => source.Location.Line), Is.EqualTo([5, 9]));
        Assert.That(recipe.Models.Select(source => source.Layers), Is.All.Null);
        Assert.That(Values(recipe.Models[0].Parameters), Is.EqualTo(["weight 0.5 @7:5", "density 0.4 @8:5"]));
        Assert.That(Values(recipe.Models[1].Parameters), Is.EqualTo(["weight 0.3 @10:16"]));
        Assert.That(Values(recipe.Parameters),
            Is.EqualTo(["int8_mask 1 @12:3", "normalize 0 @13:3", "lambda 1.1 @14:3"]));
        Assert.That((recipe.DType, recipe.OutDType), Is.EqualTo((DType.Float32, DType.BFloat16)));
        Assert.That(recipe.TokenizerSource, Is.EqualTo(Reference("base")));
        Assert.That(recipe.Text, Does.StartWith("# A comment."));
        Assert.That(recipe.Warnings, Is.Empty);
    }

    [Test]
    public void A_recipe_of_slices_is_read_with_its_layers()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            slices:
              - sources:
                - model: ./a
                  layer_range: [0, 3]
                - {model: ./b, layer_range: [1, 4], parameters: {weight: 2}}
                parameters: {weight: 1}
              - sources:
                - model: ./b
                  layer_range:
                  - 4
                  - 4
                  parameters: {weight: 1}
            """);

        Assert.That(recipe.Models, Is.Empty);
        Assert.That(recipe.Slices.Select(slice => slice.Location.Line), Is.EqualTo([3, 8]));
        Assert.That(recipe.Slices[0].Sources.Select(source => source.Layers),
            Is.EqualTo(new LayerRange?[] { new(0, 3), new(1, 4) }));
        Assert.That(Values(recipe.Slices[0].Parameters), Is.EqualTo(["weight 1 @7:18"]));
        Assert.That(Values(recipe.Slices[0].Sources[1].Parameters), Is.EqualTo(["weight 2 @6:54"]));
        Assert.That(recipe.Slices[1].Sources[0].Layers!.Value.Length, Is.Zero);
    }

    [Test]
    public void Filters_and_gradients_are_read_in_both_list_styles()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            models:
            - model: ./a
              parameters:
                weight:
                - filter: self_attn
                  value:
                  - 0.0
                  - 0.5
                  - 1.0
                - {filter: mlp, value: [1, 0.25]}
                - value: 6e-1
            - model: ./b
              parameters:
                weight: [true, .5, "1"]
            """);

        var filters = (ConditionalSetting)recipe.Models[0].Parameters.Items[0].Setting;
        Assert.That(filters.Entries.Select(entry => entry.Filter), Is.EqualTo(["self_attn", "mlp", null]));
        Assert.That(filters.AllValues(), Is.EqualTo([0, 0.5, 1, 1, 0.25, 0.6]));
        Assert.That(recipe.Models[1].Parameters.Items[0].Setting.AllValues(), Is.EqualTo([1, 0.5, 1]));
    }

    [TestCase("true", 1)]
    [TestCase("False", 0)]
    [TestCase("yes", 1)]
    [TestCase("OFF", 0)]
    [TestCase("1", 1)]
    [TestCase("0.0", 0)]
    public void A_flag_takes_the_words_of_YAML_and_one_and_zero(string text, double expected)
    {
        Recipe recipe = TestMethods.Parse(
            $"merge_method: linear\nmodels: [{{model: ./a}}]\nparameters: {{normalize: {text}}}");

        Assert.That(recipe.Parameters.Items[0].Setting.Evaluate("any", 0), Is.EqualTo(expected));
    }

    [Test]
    public void A_flag_can_have_filters()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            models: [{model: ./a}]
            parameters: {normalize: [{filter: mlp, value: false}, {value: true}]}
            """);

        Assert.That(recipe.Parameters.Items[0].Setting.AllValues(), Is.EqualTo([0, 1]));
    }

    [Test]
    public void Empty_values_of_optional_keys_count_as_absent()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            base_model:
            models:
              - model: ./a
                parameters:
            slices: ~
            dtype: null
            tokenizer_source:
            """);

        Assert.That(recipe.BaseModel, Is.Null);
        Assert.That(recipe.DType, Is.Null);
        Assert.That(recipe.TokenizerSource, Is.Null);
        Assert.That(recipe.Models[0].Parameters.Items, Is.Empty);
    }

    [Test]
    public void Signs_in_a_path_belong_to_the_path()
    {
        Recipe recipe = TestMethods.Parse("merge_method: linear\nmodels: [{model: '/data/a+b@c #1'}, {model: 12}]");

        Assert.That(recipe.Models.Select(source => source.Model.Text), Is.EqualTo(["/data/a+b@c #1", "12"]));
    }

    [Test]
    public void The_base_among_the_models_is_no_expert()
    {
        Recipe recipe = TestMethods.Parse(
            "merge_method: slerp\nbase_model: ./base\nmodels: [{model: base/}, {model: ./a}]");

        Assert.That(recipe.Models, Has.Count.EqualTo(2));
        Assert.That(recipe.Warnings, Is.Empty);
    }

    [Test]
    public void Parameters_of_the_base_are_warned_about()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: task_arithmetic
            base_model: ./base
            models:
              - model: ./base
                parameters: {weight: 0.9}
              - model: ./a
                parameters: {weight: 0.5}
            """);

        Assert.That(recipe.Warnings, Has.Count.EqualTo(1));
        Assert.That(recipe.Warnings[0], Does.StartWith("r.yml:5:18: ").And.Contain("base model have no effect"));
    }

    [Test]
    public void An_optional_base_among_the_models_is_merged_like_the_others()
    {
        Recipe recipe = TestMethods.Parse(
            "merge_method: linear\nbase_model: ./a\nmodels: [{model: ./a, parameters: {weight: 1}}]");

        Assert.That(recipe.Warnings, Is.Empty);
    }

    [Test]
    public void Filters_after_one_that_matches_everything_are_warned_about()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            models: [{model: ./a}]
            parameters:
              weight: [{filter: '*', value: 1}, {filter: mlp, value: 2}]
            """);

        Assert.That(recipe.Warnings, Has.Count.EqualTo(1));
        Assert.That(recipe.Warnings[0], Does.StartWith("r.yml:4:3: ").And.Contain("have no effect"));
    }

    [Test]
    public void Anchors_and_aliases_stand_for_what_they_name()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: linear
            models:
              - model: ./a
                parameters: &p {weight: &w [0, 1]}
              - model: ./b
                parameters: *p
            parameters: {weight: *w}
            """);

        Assert.That(Values(recipe.Models[1].Parameters), Is.EqualTo(["weight 0,1 @4:21"]));
        Assert.That(Values(recipe.Parameters), Is.EqualTo(["weight 0,1 @7:14"]));
    }

    [Test]
    public void Merge_keys_give_what_the_mapping_itself_does_not_set()
    {
        Recipe recipe = TestMethods.Parse("""
            merge_method: ties
            base_model: ./base
            models:
              - &m
                model: ./a
                parameters: &p
                  weight: 1
                  density: 0.1
              - <<: *m
                model: ./b
              - model: ./c
                parameters:
                  <<: [{density: 0.5}, *p]
            """);

        Assert.That(recipe.Models.Select(source => source.Model.Text), Is.EqualTo(["./a", "./b", "./c"]));
        Assert.That(Values(recipe.Models[1].Parameters), Is.EqualTo(["weight 1 @7:7", "density 0.1 @8:7"]));
        Assert.That(Values(recipe.Models[2].Parameters), Is.EqualTo(["density 0.5 @13:13", "weight 1 @7:7"]));
    }

    private static ModelReference Reference(string text) => new(text, new SourceLocation(null, 0, 0));

    private static IEnumerable<string> Values(ParameterSet parameters) => parameters.Items.Select(item =>
        $"{item.Name} {string.Join(",", item.Setting.AllValues())} @{item.Location.Line}:{item.Location.Column}");
}
