using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Searches through every combination.</summary>
public sealed class GridSearchTests
{
    private const string Recipe = $$$$"""
        merge_method: task_arithmetic
        base_model: ./base
        models:
          - model: ./a
          - model: ./b
        parameters: {weight: 1}
        search:
          strategy: grid
          evaluations: 6
          parameters: {lambda: [0.5, 1]}
          models: [{model: ./a, parameters: {weight: {min: 0.1, max: 0.3, step: 0.1}}}]
        {{{{Searches.Evaluate}}}}
        dtype: float32
        """;

    private Workshop _workshop = null!;

    [SetUp]
    public void MakeModels()
    {
        _workshop = new Workshop();
        _workshop.Vector("base", 0, 0);
        _workshop.Vector("a", 1, 0);
        _workshop.Vector("b", 0, 1);
    }

    [TearDown]
    public void DeleteModels() => _workshop.Dispose();

    [Test]
    public void Tries_every_combination_in_order_and_takes_the_best()
    {
        SearchReport report = _workshop.Search(Recipe, FakeEvaluator.Near(0.2, 1));

        Assert.That(
            report.Trials.Select(trial => trial.Candidate.ToString()),
            Is.EqualTo(new[]
            {
                "lambda 0.5, weight of ./a 0.1", "lambda 0.5, weight of ./a 0.2", "lambda 0.5, weight of ./a 0.3",
                "lambda 1, weight of ./a 0.1", "lambda 1, weight of ./a 0.2", "lambda 1, weight of ./a 0.3",
            }));
        Assert.That(report.Best, Is.SameAs(report.Trials[4]));
        Assert.That(ModelTensors.Read(_workshop.Target)["w"], Is.EqualTo(new[] { 0.2, 1 }).Within(1e-6));
    }

    [Test]
    public void Of_equal_ones_the_first_is_the_best()
    {
        SearchReport report = _workshop.Search(Recipe, new FakeEvaluator(_ => 1));

        Assert.That(report.Best, Is.SameAs(report.Trials[0]));
        Assert.That(report.Trials.Select(trial => trial.Kept), Is.EqualTo(new[] { true, false, false, false, false, false }));
    }

    [Test]
    public void The_result_is_what_the_recipe_left_with_it_makes()
    {
        _workshop.Search(Recipe, FakeEvaluator.Near(0.2, 1));

        _workshop.Run(File.ReadAllText(_workshop["out", "interfuse_recipe.yml"]), target: "again");

        Assert.That(
            _workshop.Digest("again"),
            Is.EqualTo(_workshop.Digest().Where(file => !file.StartsWith("search.json", StringComparison.Ordinal))));
    }

    [Test]
    public void A_grid_beyond_the_budget_is_refused_with_its_size()
    {
        Assert.That(
            () => ModelSearch.Create(_workshop.Read(Recipe.Replace("evaluations: 6", "evaluations: 5")), new MergeOptions()),
            Throws.TypeOf<RecipeException>().With.Message.Contains("6 combinations").And.Message.Contains("5 evaluations")
                .And.Property("Line").EqualTo(7));
    }

    [Test]
    public void A_combination_that_cannot_be_merged_is_passed_over()
    {
        const string Soup = $$$$"""
            merge_method: linear
            models: [{model: ./a}, {model: ./b}]
            search:
              strategy: grid
              models:
                - {model: ./a, parameters: {weight: [0, 1]}}
                - {model: ./b, parameters: {weight: [0, 1]}}
            {{{{Searches.Evaluate}}}}
            """;
        FakeEvaluator evaluator = FakeEvaluator.Near(0.5, 0.5);

        SearchReport report = _workshop.Search(Soup, evaluator);

        Assert.That(report.Trials[0].Unfit, Does.Contain("sum to zero"));
        Assert.That(report.Best, Is.SameAs(report.Trials[3]));
        Assert.That(evaluator.Models, Has.Count.EqualTo(3));
    }

    [Test]
    public void A_search_in_which_nothing_can_be_merged_is_an_error_and_leaves_nothing()
    {
        const string Soup = $$$$"""
            merge_method: linear
            models: [{model: ./a}, {model: ./b}]
            search: {strategy: grid, parameters: {weight: [0]}}
            {{{{Searches.Evaluate}}}}
            """;

        Assert.That(
            () => _workshop.Search(Soup, FakeEvaluator.Near(0)),
            Throws.TypeOf<RecipeException>().With.Message.Contains("sum to zero"));
        Assert.That(_workshop.Entries, Is.EquivalentTo(new[] { "base", "a", "b" }));
    }

    [Test]
    public void Gradients_and_flags_are_values_too()
    {
        const string Grid = $$$$"""
            merge_method: ties
            base_model: ./base
            models: [{model: ./a, parameters: {weight: 1}}, {model: ./b, parameters: {weight: 1}}]
            search: {strategy: grid, parameters: {density: [1, [0.5, 1]], normalize: [true, false]}}
            {{{{Searches.Evaluate}}}}
            """;

        SearchReport report = _workshop.Search(Grid, FakeEvaluator.Near(1, 1));

        Assert.That(report.Trials.Select(trial => trial.Candidate.ToString()), Is.EqualTo(new[]
        {
            "density 1, normalize true", "density 1, normalize false", "density [0.5,1], normalize true",
            "density [0.5,1], normalize false",
        }));
    }
}
