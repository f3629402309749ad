using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Search;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Searches that are stopped or fail in the middle, and what becomes of them.</summary>
public sealed class SearchResumeTests
{
    private const string Recipe = $$$$"""
        merge_method: linear
        models: [{model: ./a}, {model: ./b}]
        search:
          strategy: evolution
          evaluations: 8
          parameters: {normalize: [true, false]}
          models:
            - {model: ./a, parameters: {weight: {min: 0.1, max: 1}}}
            - {model: ./b, parameters: {weight: {min: 0.1, max: 1}}}
        {{{{Searches.Evaluate}}}}
        """;

    private static readonly MergeOptions Resume = new() { Resume = true };

    private Workshop _workshop = null!;

    [SetUp]
    public void MakeModels()
    {
        _workshop = new Workshop();
        _workshop.Vector("a", 1, 0);
        _workshop.Vector("b", 0, 1);
    }

    [TearDown]
    public void DeleteModels() => _workshop.Dispose();

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(8)]
    public void A_search_that_was_stopped_goes_on_after_its_last_evaluation(int stoppedAt)
    {
        _workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6));
        string[] undisturbed = _workshop.Digest();
        Directory.Delete(_workshop.Target, recursive: true);

        using var stop = new CancellationTokenSource();
        Assert.That(
            () => _workshop.Search(Recipe, StoppingAt(stoppedAt, stop.Cancel), cancellation: stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_workshop.Entries, Does.Contain("out.partial").And.Not.Contain("out"));
        FakeEvaluator rest = FakeEvaluator.Near(0.4, 0.6);
        SearchReport report = _workshop.Search(Recipe, rest, Resume);

        Assert.That(report.Resumed, Is.EqualTo(stoppedAt - 1));
        Assert.That(rest.Models, Has.Count.EqualTo(8 - (stoppedAt - 1)));
        Assert.That(_workshop.Digest(), Is.EqualTo(undisturbed));
        Assert.That(_workshop.Entries, Is.EquivalentTo(new[] { "a", "b", "out" }));
    }

    [Test]
    public void An_evaluation_that_fails_costs_only_itself()
    {
        FakeEvaluator failing = StoppingAt(4, () => throw new InterfuseException("out of order"));

        Assert.That(
            () => _workshop.Search(Recipe, failing),
            Throws.TypeOf<InterfuseException>().With.Message.Contains("candidate 4").And.Message.Contains("out of order"));

        Assert.That(_workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6), Resume).Resumed, Is.EqualTo(3));
    }

    [Test]
    public void A_first_evaluation_that_fails_leaves_nothing()
    {
        FakeEvaluator failing = StoppingAt(1, () => throw new InterfuseException("out of order"));

        Assert.That(() => _workshop.Search(Recipe, failing), Throws.TypeOf<InterfuseException>());

        Assert.That(_workshop.Entries, Is.EquivalentTo(new[] { "a", "b" }));
    }

    [Test]
    public void A_line_that_a_crash_cut_short_is_evaluated_again()
    {
        Interrupt(5);
        string journal = _workshop["out.partial", "search.journal"];
        string text = File.ReadAllText(journal);
        File.WriteAllText(journal, text[..^3]);

        Assert.That(_workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6), Resume).Resumed, Is.EqualTo(3));
    }

    [Test]
    public void A_journal_that_is_damaged_is_refused()
    {
        Interrupt(3);
        File.AppendAllText(_workshop["out.partial", "search.journal"], "nonsense\n");

        Assert.That(
            () => _workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6), Resume),
            Throws.TypeOf<ResumeException>().With.Message.Contains("damaged"));
    }

    [Test]
    public void Another_recipe_is_refused_and_the_scores_stay()
    {
        Interrupt(5);

        Assert.That(
            () => _workshop.Search(Recipe.Replace("0.1", "0.2"), FakeEvaluator.Near(0.4, 0.6), Resume),
            Throws.TypeOf<ResumeException>().With.Message.Contains("another recipe"));

        Assert.That(_workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6), Resume).Resumed, Is.EqualTo(4));
    }

    [Test]
    public void A_model_that_has_changed_is_refused()
    {
        Interrupt(5);
        _workshop.Vector("b", 0, 2);

        Assert.That(
            () => _workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6), Resume),
            Throws.TypeOf<ResumeException>().With.Message.Contains("changed since"));
    }

    [Test]
    public void A_plain_merge_does_not_continue_a_search()
    {
        Interrupt(3);

        Assert.That(
            () => _workshop.Run("merge_method: linear\nmodels: [{model: ./a, parameters: {weight: 1}}]", Resume),
            Throws.TypeOf<ResumeException>().With.Message.Contains("was begun as a search"));
    }

    [Test]
    public void Without_resume_it_starts_over()
    {
        Interrupt(5);

        Assert.That(_workshop.Search(Recipe, FakeEvaluator.Near(0.4, 0.6)).Resumed, Is.Zero);
    }

    private void Interrupt(int stoppedAt)
    {
        using var stop = new CancellationTokenSource();
        Assert.That(
            () => _workshop.Search(Recipe, StoppingAt(stoppedAt, stop.Cancel), cancellation: stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    private static FakeEvaluator StoppingAt(int number, Action stop) =>
        new(values => -Math.Abs(values[0] - 0.4) - Math.Abs(values[1] - 0.6))
        {
            Before = evaluation =>
            {
                if (evaluation == number)
                {
                    stop();
                }
            },
        };
}
