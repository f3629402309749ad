using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Search;

/// <summary>Merges candidates, each into a directory that is deleted afterwards, and evaluates them; none twice.</summary>
/// <param name="folder">Where the directory is made.</param>
/// <param name="options">The options of the merges.</param>
/// <param name="evaluator">Says how good a model is.</param>
/// <param name="journal">Keeps the scores.</param>
/// <param name="progress">Is told how far the search is.</param>
/// <param name="cancellation">Ends the work early.</param>
internal sealed class CandidateScorer(
    string folder,
    MergeOptions options,
    IModelEvaluator evaluator,
    ScoreJournal journal,
    SearchProgress progress,
    CancellationToken cancellation)
{
    private readonly string _directory = Path.Combine(folder, "candidate");
    private readonly List<Trial> _trials = [];

    /// <summary>What came of the candidates, in their order.</summary>
    public IReadOnlyList<Trial> Trials => _trials;

    /// <summary>Finds out how good a candidate is.</summary>
    /// <exception cref="InterfuseException">It can't be merged or evaluated, for another reason than its
    /// coefficients.</exception>
    public Trial Score(Candidate candidate)
    {
        cancellation.ThrowIfCancellationRequested();
        Trial trial;
        if (journal.TryGet(candidate.Key, out double known))
        {
            trial = new Trial(candidate, known, unfit: null);
        }
        else
        {
            trial = candidate.Existing is { } model
                ? new Trial(candidate, Evaluate(candidate, model), unfit: null)
                : MergeAndEvaluate(candidate);
        }

        _trials.Add(trial);
        SearchState state = progress.State;
        progress.State = state with
        {
            Evaluated = state.Evaluated + (trial.Score is null ? 0 : 1),
            Best = trial.Score is { } score && !(state.Best >= score) ? score : state.Best,
        };
        return trial;
    }

    /// <summary>Deletes what an interrupted run left of a candidate.</summary>
    public void Clear()
    {
        foreach (string left in new[] { _directory, _directory + ".partial" }.Where(Directory.Exists))
        {
            Directory.Delete(left, recursive: true);
        }
    }

    private Trial MergeAndEvaluate(Candidate candidate)
    {
        progress.State = progress.State with { Stage = SearchStage.Merging };
        try
        {
            using MergePlan plan = MergePlan.Create(candidate.Recipe, options with { Overwrite = true, Resume = false });
            Merger.Run(plan, _directory, new MergeProgress(), cancellation);
            return new Trial(candidate, Evaluate(candidate, _directory), unfit: null);
        }
        catch (UnfitSettingsException error)
        {
            return new Trial(candidate, score: null, error.Message);
        }
        finally
        {
            Clear();
        }
    }

    private double Evaluate(Candidate candidate, string model)
    {
        progress.State = progress.State with { Stage = SearchStage.Evaluating };
        double score;
        try
        {
            score = evaluator.Evaluate(model, cancellation);
        }
        catch (InterfuseException error) when (candidate.Existing is null)
        {
            throw new InterfuseException($"candidate {_trials.Count + 1} ({candidate}): {error.Message}", error.InnerException);
        }

        if (!double.IsFinite(score))
        {
            throw new InterfuseException(
                $"candidate {_trials.Count + 1} ({candidate}): has the score {score}, expected a finite number");
        }

        journal.Add(candidate.Key, score);
        return score;
    }
}
