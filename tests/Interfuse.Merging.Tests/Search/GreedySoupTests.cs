using System.Text.Json;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Search;
using Interfuse.Testing;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Which models a greedy soup takes, and what it leaves behind.</summary>
public sealed class GreedySoupTests
{
    private const string Recipe = $"""
        merge_method: greedy_soup
        models:
          - model: ./c
          - model: ./b
          - model: ./a
        {Searches.Evaluate}
        dtype: float32
        """;

    private Workshop _workshop = null!;

    [SetUp]
    public void MakeModels()
    {
        _workshop = new Workshop();
        _workshop.Vector("a", 4);
        _workshop.Vector("b", 7);
        _workshop.Vector("c", 0);
    }

    [TearDown]
    public void DeleteModels() => _workshop.Dispose();

    [Test]
    public void Takes_the_best_first_and_another_only_if_the_average_improves()
    {
        SearchReport report = _workshop.Search(Recipe, FakeEvaluator.Near(5));

        // Alone c, b, a in the recipe's order; then a with b, and a with b and c.
        Assert.That(report.Scores(), Is.EqualTo(new[] { -5, -2, -1, -0.5, -(5 - (11 / 3.0)) }).Within(1e-6));
        Assert.That(report.Trials.Select(trial => trial.Kept), Is.EqualTo(new bool?[] { null, null, null, true, false }));
        Assert.That(report.Members(), Is.EqualTo(new[] { "./b", "./a" }), "in the recipe's order");
        Assert.That(ModelTensors.Read(_workshop.Target)["w"], Is.EqualTo(new[] { 5.5 }));
    }

    [Test]
    public void Goes_on_with_the_next_best_after_one_that_did_not_help()
    {
        // b is second best, but spoils the average; c is worst alone, and helps it.
        SearchReport report = _workshop.Search(Recipe, FakeEvaluator.Near(3));

        Assert.That(report.Trials.Skip(3).Select(trial => trial.Score), Is.EqualTo(new[] { -1, -2.5 }).Within(1e-6));
        Assert.That(report.Members(), Is.EqualTo(new[] { "./c", "./a" }).Or.EqualTo(new[] { "./a" }));
        Assert.That(report.Trials[3].Candidate.Coefficients.Select(one => one.Model), Is.EqualTo(new[] { "./c", "./a" }));
    }

    [Test]
    public void A_tie_is_not_kept_and_the_first_of_the_recipe_leads()
    {
        SearchReport report = _workshop.Search(Recipe, new FakeEvaluator(_ => 0.5));

        Assert.That(report.Members(), Is.EqualTo(new[] { "./c" }));
        Assert.That(report.Trials.Skip(3).Select(trial => trial.Kept), Is.EqualTo(new bool?[] { false, false }));
        Assert.That(
            report.Trials.Skip(3).Select(trial => string.Join(' ', trial.Candidate.Coefficients.Select(one => one.Model))),
            Is.EqualTo(new[] { "./c ./b", "./c ./a" }),
            "ties are ranked in the recipe's order");
    }

    [Test]
    public void Inputs_are_evaluated_where_they_are_and_candidates_leave_nothing()
    {
        FakeEvaluator evaluator = FakeEvaluator.Near(5);

        _workshop.Search(Recipe, evaluator);

        Assert.That(evaluator.Models.Take(3), Is.EqualTo(new[] { _workshop["c"], _workshop["b"], _workshop["a"] }));
        Assert.That(evaluator.Models.Skip(3), Is.All.EqualTo(_workshop["out.partial", "candidate"]));
        Assert.That(_workshop.Entries, Is.EquivalentTo(new[] { "a", "b", "c", "out" }));
    }

    [Test]
    public void The_result_is_what_the_recipe_left_with_it_makes()
    {
        _workshop.Search(Recipe, FakeEvaluator.Near(5));
        string winner = File.ReadAllText(_workshop["out", "interfuse_recipe.yml"]);

        _workshop.Run(winner, target: "again");

        Assert.That(
            _workshop.Digest("again"),
            Is.EqualTo(_workshop.Digest().Where(file => !file.StartsWith("greedy_soup.json", StringComparison.Ordinal))));
    }

    [Test]
    public void The_same_search_gives_the_same_bytes()
    {
        _workshop.Search(Recipe, FakeEvaluator.Near(5));
        string[] first = _workshop.Digest();

        _workshop.Search(Recipe, FakeEvaluator.Near(5), new MergeOptions { Overwrite = true, Threads = 1 });

        Assert.That(_workshop.Digest(), Is.EqualTo(first));
    }

    [Test]
    public void The_log_has_every_decision_and_what_it_rests_on()
    {
        _workshop.Search(Recipe, FakeEvaluator.Near(5), new MergeOptions { Seed = 3 });

        JsonElement log = JsonDocument.Parse(File.ReadAllText(_workshop["out", "greedy_soup.json"])).RootElement;

        Assert.That(log.GetProperty("method").GetString(), Is.EqualTo("greedy_soup"));
        Assert.That(log.GetProperty("seed").GetUInt64(), Is.EqualTo(3));
        Assert.That(log.GetProperty("recipe").GetString(), Is.EqualTo(Recipe));
        Assert.That(log.GetProperty("models").EnumerateArray().Select(model => model.GetProperty("model").GetString()),
            Is.EqualTo(new[] { "./c", "./b", "./a" }));
        Assert.That(log.GetProperty("models")[0].GetProperty("sha256").GetString(), Has.Length.EqualTo(64));
        JsonElement[] candidates = [.. log.GetProperty("candidates").EnumerateArray()];
        Assert.That(candidates.Select(one => one.GetProperty("score").GetDouble()).Take(4), Is.EqualTo(new[] { -5, -2, -1, -0.5 }));
        Assert.That(candidates[3].GetProperty("kept").GetBoolean(), Is.True);
        Assert.That(candidates[4].GetProperty("kept").GetBoolean(), Is.False);
        Assert.That(log.GetProperty("best").GetProperty("score").GetDouble(), Is.EqualTo(-0.5));
    }

    [Test]
    public void A_score_that_is_no_number_is_refused()
    {
        Assert.That(
            () => _workshop.Search(Recipe, new FakeEvaluator(_ => double.NaN)),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("./c").And.Message.Contains("finite"));
        Assert.That(_workshop.Entries, Is.EquivalentTo(new[] { "a", "b", "c" }));
    }

    [Test]
    public void A_plan_of_it_alone_is_refused()
    {
        Assert.That(
            () => _workshop.Plan(Recipe),
            Throws.TypeOf<Interfuse.Merging.Recipes.RecipeException>().With.Message.Contains("chooses among several merges"));
    }
}
