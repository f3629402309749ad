using Interfuse.Merging.Planning;
using Interfuse.Merging.Search;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Searches by the (1+1) evolution strategy.</summary>
public sealed class EvolutionSearchTests
{
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
    public void Comes_near_the_best_place_within_its_budget()
    {
        SearchReport report = _workshop.Search(Recipe(60), FakeEvaluator.Near(1.37, 0.21));

        Assert.That(report.Trials, Has.Count.EqualTo(60));
        Assert.That(report.Best.Score, Is.GreaterThan(-0.05), "from -1.42 at the start");
        Assert.That(report.Best.Score, Is.EqualTo(report.Scores().Max()));
    }

    [Test]
    public void Begins_with_the_recipes_own_values_and_the_middle_of_what_it_does_not_set()
    {
        SearchReport report = _workshop.Search(Recipe(1), FakeEvaluator.Near(0, 0));

        Assert.That(
            report.Trials.Select(trial => trial.Candidate.ToString()),
            Is.EqualTo(new[] { "weight of ./a 0.25, weight of ./b 1" }));
    }

    [Test]
    public void The_seed_decides_what_is_drawn_and_nothing_else_does()
    {
        string[] Draws(ulong seed, int threads)
        {
            SearchReport report = _workshop.Search(
                Recipe(12, seed),
                FakeEvaluator.Near(1.5, 0.5),
                new MergeOptions { Overwrite = true, Threads = threads });
            return [.. report.Trials.Select(trial => trial.Candidate.ToString())];
        }

        string[] first = Draws(seed: 1, threads: 1);

        Assert.That(Draws(seed: 1, threads: 2), Is.EqualTo(first));
        Assert.That(Draws(seed: 2, threads: 1), Is.Not.EqualTo(first));
    }

    [Test]
    public void Values_stay_within_their_bounds_and_none_is_evaluated_twice()
    {
        FakeEvaluator evaluator = FakeEvaluator.Near(9, 9);

        SearchReport report = _workshop.Search(Recipe(40), evaluator);

        double[] values =
        [
            .. report.Trials.SelectMany(trial => trial.Candidate.Coefficients.SelectMany(one => one.Value.AllValues())),
        ];
        Assert.That(values, Is.All.InRange(0, 2));
        Assert.That(report.Trials.Select(trial => trial.Candidate.ToString()), Is.Unique);
        Assert.That(evaluator.Models, Has.Count.EqualTo(40));
    }

    [Test]
    public void Ends_early_when_there_is_nothing_new()
    {
        string recipe = Recipe(50)
            .Replace("weight: {min: 0, max: 2}", "weight: [0, 1]")
            .Replace("weight: {min: 0, max: 2, step: 0.001}", "weight: [0, 1, 2]");

        SearchReport report = _workshop.Search(recipe, FakeEvaluator.Near(1, 2));

        Assert.That(report.Trials, Has.Count.EqualTo(6));
        Assert.That(report.Best.Score, Is.Zero.Within(1e-6));
    }

    private static string Recipe(int evaluations, ulong seed = 0) => $$$$"""
        merge_method: task_arithmetic
        base_model: ./base
        models:
          - {model: ./a, parameters: {weight: 0.25}}
          - {model: ./b}
        search:
          strategy: evolution
          evaluations: {{{{evaluations}}}}
          seed: {{{{seed}}}}
          models:
            - {model: ./a, parameters: {weight: {min: 0, max: 2}}}
            - {model: ./b, parameters: {weight: {min: 0, max: 2, step: 0.001}}}
        {{{{Searches.Evaluate}}}}
        dtype: float32
        """;
}
