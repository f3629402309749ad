namespace Interfuse.Merging.Recipes;

/// <summary>The rules that hold between a recipe's method, its search and its evaluation.</summary>
/// <param name="method">What the merge method expects.</param>
/// <param name="recipe">The recipe.</param>
internal sealed class SearchRules(MethodSignature method, Recipe recipe)
{
    /// <summary>Checks that there is an evaluation where one is needed and only there, and that the search can have an
    /// effect.</summary>
    public void Check()
    {
        CheckEvaluation();
        if (recipe.Search is not { } search)
        {
            return;
        }

        HashSet<(string?, string)> seen = [];
        foreach (SearchDimension dimension in search.Dimensions)
        {
            if (dimension.Model is { } model)
            {
                CheckModel(model);
            }
            else
            {
                CheckReach(dimension, search);
            }

            string? path = dimension.Model is null ? null : recipe.FullPath(dimension.Model);
            if (!seen.Add((path, dimension.Parameter)))
            {
                throw new RecipeException(dimension.Location, $"'{dimension.Parameter}' of this model is searched for "
                    + "twice: remove one");
            }
        }
    }

    private void CheckEvaluation()
    {
        const string Example = "`evaluate: {tasks: [task.jsonl]}`";
        if (method.Evaluates && recipe.Slices.Count > 0)
        {
            throw new RecipeException(
                recipe.Slices[0].Location, $"{method.Name} averages whole models: list them under 'models'");
        }

        if (recipe.Search is { } search && (method.Evaluates || method.NamesModels))
        {
            throw new RecipeException(search.Location, method.Evaluates
                ? $"{method.Name} has no parameters to search for: it chooses among the models by itself, remove 'search'"
                : $"'search' is for methods that merge into one model, and {method.Name} keeps several: remove it");
        }

        bool wantsOne = method.Evaluates || recipe.Search is not null;
        if (wantsOne && recipe.Evaluation is null)
        {
            throw new RecipeException(recipe.Search?.Location ?? recipe.MethodLocation!,
                (recipe.Search is null ? method.Name : "'search'") + " chooses by a figure, and the recipe does not say "
                    + $"which: write how a model is evaluated, {Example}");
        }

        if (!wantsOne && recipe.Evaluation is { } evaluation)
        {
            throw new RecipeException(evaluation.Location, $"'evaluate' has no effect: {method.Name} merges once and "
                + "compares nothing; remove it, or add 'search'");
        }
    }

    private void CheckModel(ModelReference model)
    {
        string path = recipe.FullPath(model);
        RecipeSource[] sources = [.. recipe.AllSources];
        if (!Array.Exists(sources, source => recipe.FullPath(source.Model) == path))
        {
            throw new RecipeException(model.Location, $"'search' names the model {Message.Quote(model.Text)}, which the "
                + $"recipe does not merge{Message.DidYouMean(model.Text, sources.Select(source => source.Model.Text))}");
        }

        if (method.Base == BaseModelUse.Required && recipe.FullPath(recipe.BaseModel!) == path)
        {
            throw new RecipeException(model.Location, "parameters of the base model have no effect, so there is nothing "
                + "to search for: remove it");
        }
    }

    // A value for all models has no effect where each has its own.
    private void CheckReach(SearchDimension dimension, RecipeSearch search)
    {
        string? basePath = method.Base == BaseModelUse.Required ? recipe.FullPath(recipe.BaseModel!) : null;
        bool HasOwn(RecipeSource source) =>
            source.Parameters.TryGet(dimension.Parameter, out Parameter? own) && own.Setting is not ConditionalSetting
            || search.Dimensions.Any(other => other.Model is { } model && other.Parameter == dimension.Parameter
                && recipe.FullPath(model) == recipe.FullPath(source.Model));

        if (recipe.AllSources.Where(source => recipe.FullPath(source.Model) != basePath).All(HasOwn))
        {
            throw new RecipeException(dimension.Location, $"'{dimension.Parameter}' for all models has no effect: each has "
                + "its own, which counts; remove those, or search for them under 'models'");
        }
    }
}
