using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>Every combination of the values, in order; of equal ones the first is the best.</summary>
internal static class GridSearch
{
    /// <summary>How many combinations there are.</summary>
    /// <exception cref="RecipeException">There are more than the budget allows.</exception>
    public static int Evaluations(Recipe recipe)
    {
        RecipeSearch search = recipe.Search!;
        long combinations = new SearchSpace(recipe).Combinations!.Value;
        return combinations <= search.Evaluations
            ? (int)combinations
            : throw new RecipeException(search.Location, $"the grid has {combinations} combinations, but the budget is "
                + $"{search.Evaluations} evaluations: raise 'evaluations', list fewer values, or write "
                + "`strategy: evolution`");
    }

    public static Trial? Run(Recipe recipe, Func<Candidate, Trial> score)
    {
        var space = new SearchSpace(recipe);
        int count = Evaluations(recipe);
        Trial? best = null;
        for (int number = 0; number < count; number++)
        {
            Trial trial = score(space.Combination(number));
            trial.Kept = trial.IsBetterThan(best);
            best = trial.Kept == true ? trial : best;
        }

        return best;
    }
}
