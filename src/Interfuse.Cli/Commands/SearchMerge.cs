using System.Globalization;
using Interfuse.Inference.Evaluation;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Search;

namespace Interfuse.Cli.Commands;

/// <summary>What <c>interfuse merge</c> does by a recipe that chooses among several merges.</summary>
internal static class SearchMerge
{
    public static void Run(
        Recipe recipe, MergeOptions options, string target, bool dryRun, Output output, CancellationToken cancellation)
    {
        using ModelSearch search = ModelSearch.Create(recipe, options);
        using TaskEvaluator? tasks =
            recipe.Evaluation!.Tasks.Count > 0 ? new TaskEvaluator(recipe, options.Threads) : null;
        output.Warn(search.Sample.Warnings);
        if (dryRun)
        {
            SearchPlanReport planned = SearchPlanReport.Of(recipe, search, target);
            output.Print(planned, planned.ToText);
            return;
        }

        IModelEvaluator evaluator = tasks is null ? new CommandEvaluator(recipe) : tasks;
        var progress = new SearchProgress();
        SearchReport found;
        try
        {
            using (output.ShowProgress(elapsed => Status(progress.State, elapsed)))
            {
                found = search.Run(target, evaluator, progress, cancellation);
            }
        }
        catch (Exception error) when (error is not OperationCanceledException && progress.State.Evaluated > 0)
        {
            output.Note($"{Sizes.Count(progress.State.Evaluated, "evaluation")} done so far are kept; run the same command "
                + "with --resume to continue");
            throw;
        }

        SearchResultReport result = SearchResultReport.Of(recipe, search, progress, found);
        output.Print(result, result.ToText);
    }

    // Candidates take the place of bytes.
    private static WorkStatus Status(SearchState state, TimeSpan elapsed)
    {
        string what = state.Stage switch
        {
            SearchStage.Reading => "reading the inputs",
            SearchStage.Finishing => "merging the best candidate",
            var stage => $"candidate {state.Evaluated + 1} of {state.Planned}  "
                + (stage == SearchStage.Merging ? "merging" : "evaluating"),
        };
        string best = state.Best is { } score
            ? string.Create(CultureInfo.InvariantCulture, $"  best so far {score:G6}")
            : "";
        return new WorkStatus(state.Evaluated, Math.Max(1, state.Planned), Moved: 0, elapsed)
        {
            BytesResumed = state.Resumed,
            Said = what + best,
            AtEnd = state.Stage == SearchStage.Finishing ? "" : null,
        };
    }
}
