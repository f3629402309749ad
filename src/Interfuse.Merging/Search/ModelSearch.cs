using System.Diagnostics;
using Interfuse.Checkpoints;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>
/// Carries out a recipe that chooses among several merges, a greedy soup or a search: merges and evaluates the candidates,
/// and puts the best one at the target, with the record of how it was found.
/// </summary>
public sealed class ModelSearch : IDisposable
{
    private readonly Recipe _recipe;
    private readonly MergeOptions _options;

    private ModelSearch(Recipe recipe, MergeOptions options, int evaluations, MergePlan sample)
    {
        _recipe = recipe;
        _options = options;
        Evaluations = evaluations;
        Sample = sample;
    }

    /// <summary>How many models are evaluated, or at most.</summary>
    public int Evaluations { get; }

    /// <summary>The plan of one candidate, of a greedy soup the largest: the others take as much and no more.</summary>
    public MergePlan Sample { get; }

    /// <summary>Whether a recipe is one for a search.</summary>
    public static bool Is(Recipe recipe)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        return recipe.Evaluation is not null;
    }

    /// <summary>Reads the headers of every model the recipe names and plans the search.</summary>
    /// <param name="recipe">A recipe with an <see cref="Recipe.Evaluation"/>.</param>
    /// <param name="options">The options of the merges.</param>
    /// <exception cref="ArgumentException">The recipe has none.</exception>
    /// <exception cref="RecipeException">The recipe asks for something these models can't give, or the grid is larger than
    /// its budget.</exception>
    /// <exception cref="CheckpointFormatException">A model's files are unsound, or the models don't fit together.</exception>
    public static ModelSearch Create(Recipe recipe, MergeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!Is(recipe))
        {
            throw new ArgumentException("The recipe has no evaluation to choose by.", nameof(recipe));
        }

        int evaluations = recipe.Search switch
        {
            null => GreedySoup.Evaluations(recipe),
            { Strategy: SearchStrategy.Grid } => GridSearch.Evaluations(recipe),
            { } search => search.Evaluations,
        };
        return new ModelSearch(recipe, options, evaluations, PlanSample(recipe, options));
    }

    /// <summary>Searches. The best model appears at the target when it is complete and on the disk, and not before.</summary>
    /// <param name="target">The directory to make.</param>
    /// <param name="evaluator">Says how good a model is.</param>
    /// <param name="progress">Shows how far the search is while it runs.</param>
    /// <param name="cancellation">
    /// Stops the search; the scores found so far are kept beside the target for <see cref="MergeOptions.Resume"/>, as they
    /// are when an evaluation fails.
    /// </param>
    /// <exception cref="InterfuseException">The target can't be used, a model can't be evaluated, or none can be
    /// merged.</exception>
    /// <exception cref="IOException">Reading or writing failed.</exception>
    /// <exception cref="OperationCanceledException">The search was stopped.</exception>
    public SearchReport Run(
        string target, IModelEvaluator evaluator, SearchProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(evaluator);
        ArgumentNullException.ThrowIfNull(progress);
        long begin = Stopwatch.GetTimestamp();
        Merger.ThreadsWithin(Sample);
        TargetRule.RefuseInputs(target, Sample.ModelPaths);
        using StagedDirectory staged = StagedDirectory.Open(target, _options.Overwrite, _options.Resume);
        ScoreJournal? journal = null;
        try
        {
            InputDigests inputs = InputDigests.Of(Sample, _recipe, cancellation);
            using (journal = ScoreJournal.Open(staged, inputs.Fingerprint(_recipe, _options)))
            {
                progress.State = progress.State with { Planned = Evaluations, Resumed = journal.Resumed };
                var scorer = new CandidateScorer(staged.Path, _options, evaluator, journal, progress, cancellation);
                scorer.Clear();
                Trial best = Choose(scorer);
                progress.State = progress.State with { Stage = SearchStage.Finishing };
                byte[] log = SearchLog.Write(_recipe, _options, inputs, scorer.Trials, best);
                int resumed = journal.Resumed;
                MergeReport merged = Publish(staged, journal, best, log, progress, cancellation);
                return new SearchReport(merged, best, scorer.Trials, resumed, Stopwatch.GetElapsedTime(begin));
            }
        }
        catch (Exception error) when (
            error is not OperationCanceledException && !staged.Resumed && journal is null or { Count: 0 })
        {
            // Nothing is left where nothing was found; scores are kept, for they may have taken hours.
            staged.Discard();
            throw;
        }
    }

    /// <summary>Closes the models' files.</summary>
    public void Dispose() => Sample.Dispose();

    // The first candidate whose coefficients make sense together.
    private static MergePlan PlanSample(Recipe recipe, MergeOptions options)
    {
        UnfitSettingsException? unfit = null;
        foreach (Candidate candidate in Samples(recipe))
        {
            try
            {
                return MergePlan.Create(candidate.Recipe, options);
            }
            catch (UnfitSettingsException error)
            {
                unfit ??= error;
            }
        }

        throw new RecipeException(
            recipe.Search!.Location, $"no candidate of this search can be merged: {unfit!.Message}");
    }

    private static IEnumerable<Candidate> Samples(Recipe recipe)
    {
        if (recipe.Search is not { } search)
        {
            return [GreedySoup.Of(recipe, Enumerable.Range(0, recipe.Models.Count))];
        }

        var space = new SearchSpace(recipe);
        return search.Strategy == SearchStrategy.Grid
            ? Enumerable.Range(0, GridSearch.Evaluations(recipe)).Select(number => space.Combination(number))
            : [space.At(space.Start()), space.At([.. space.Start().Select(_ => 1.0)])];
    }

    private Trial Choose(CandidateScorer scorer)
    {
        Trial? best = _recipe.Search switch
        {
            null => GreedySoup.Run(_recipe, scorer.Score),
            { Strategy: SearchStrategy.Grid } => GridSearch.Run(_recipe, scorer.Score),
            _ => EvolutionSearch.Run(_recipe, scorer.Score),
        };
        return best is { Score: not null }
            ? best
            : throw new RecipeException(_recipe.Search!.Location, "no candidate of this search can be merged: "
                + $"{scorer.Trials[0].Unfit}");
    }

    private MergeReport Publish(
        StagedDirectory staged,
        ScoreJournal journal,
        Trial best,
        byte[] log,
        SearchProgress progress,
        CancellationToken cancellation)
    {
        using MergePlan plan = MergePlan.Create(best.Candidate.Recipe, _options);
        plan.Attachments = [(SearchLog.FileName(_recipe), log)];

        // An open file can't be deleted everywhere, and the merge deletes the journal at its end.
        journal.Dispose();
        return Merger.Run(plan, staged, [ScoreJournal.FileName], progress.Merge, cancellation);
    }
}

/// <summary>What a search found.</summary>
/// <param name="Merge">The merge of the best candidate.</param>
/// <param name="Best">The best candidate and its score.</param>
/// <param name="Trials">Every candidate, in order.</param>
/// <param name="Resumed">How many evaluations an interrupted run had done.</param>
/// <param name="Elapsed">From the first byte read to the directory in place.</param>
public sealed record SearchReport(
    MergeReport Merge, Trial Best, IReadOnlyList<Trial> Trials, int Resumed, TimeSpan Elapsed);
