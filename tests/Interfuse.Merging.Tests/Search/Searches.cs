using Interfuse.Merging.Planning;
using Interfuse.Merging.Search;

namespace Interfuse.Merging.Tests.Search;

/// <summary>Runs searches in a workshop.</summary>
internal static class Searches
{
    // Evaluations are by fakes, which ask nobody; the grammar wants a command all the same.
    public const string Evaluate = "evaluate: {command: 'score {model}'}";

    public static SearchReport Search(
        this Workshop workshop,
        string yaml,
        IModelEvaluator evaluator,
        MergeOptions? options = null,
        CancellationToken cancellation = default)
    {
        using ModelSearch search = ModelSearch.Create(workshop.Read(yaml), options ?? new MergeOptions());
        return search.Run(workshop.Target, evaluator, new SearchProgress(), cancellation);
    }

    /// <summary>The models of the best candidate.</summary>
    public static IEnumerable<string?> Members(this SearchReport report) =>
        report.Best.Candidate.Coefficients.Select(one => one.Model);

    /// <summary>The scores of every candidate, in order.</summary>
    public static IEnumerable<double?> Scores(this SearchReport report) => report.Trials.Select(trial => trial.Score);
}
