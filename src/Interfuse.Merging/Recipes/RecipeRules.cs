namespace Interfuse.Merging.Recipes;

/// <summary>The rules that hold between the entries of a recipe, once each is read.</summary>
/// <param name="method">What the merge method expects.</param>
/// <param name="recipe">The recipe.</param>
internal sealed class RecipeRules(MethodSignature method, Recipe recipe)
{
    /// <summary>Checks base model, number of models, and that no model is there twice.</summary>
    /// <param name="models">Where the key <c>models</c> stands.</param>
    /// <param name="warnings">Takes what is odd but no error.</param>
    public void Check(SourceLocation models, List<string> warnings)
    {
        CheckBase();
        if (recipe.Slices.Count == 0)
        {
            CheckSources(recipe.Models, models, warnings);
        }

        foreach (RecipeSlice slice in recipe.Slices)
        {
            if (method.Base == BaseModelUse.Required && !slice.Sources.Any(IsBase))
            {
                throw new RecipeException(slice.Location, $"{method.Name} needs base_model in every slice, and "
                    + $"'{recipe.BaseModel!.Text}' is no source of this one: add it with its layers, "
                    + $"`- {{model: {recipe.BaseModel.Text}, layer_range: {slice.Sources[0].Layers}}}`");
            }

            CheckSources(slice.Sources, slice.Location, warnings);
        }
    }

    private void CheckBase()
    {
        if (method.Base == BaseModelUse.Required && recipe.BaseModel is null)
        {
            throw new RecipeException(recipe.MethodLocation!, $"{method.Name} needs 'base_model' and the recipe has "
                + "none: write `base_model: ./path` at the top level");
        }

        if (method.Base == BaseModelUse.None && recipe.BaseModel is { } unused)
        {
            throw new RecipeException(unused.Location, $"{method.Name} does not use 'base_model': remove it, or list "
                + $"{Message.Quote(unused.Text)} with the others if it is to be merged");
        }

        if (recipe is { TokenizerSource.Text: "base", BaseModel: null })
        {
            throw new RecipeException(recipe.TokenizerSource.Location, "'tokenizer_source' is 'base' and the recipe "
                + "has no 'base_model': name the model whose tokenizer the result gets, `tokenizer_source: ./path`");
        }
    }

    private void CheckSources(IReadOnlyList<RecipeSource> sources, SourceLocation place, List<string> warnings)
    {
        Dictionary<string, RecipeSource> seen = [];
        foreach (RecipeSource source in sources)
        {
            if (!seen.TryAdd(recipe.FullPath(source.Model), source))
            {
                throw new RecipeException(source.Location, $"model {Message.Quote(source.Model.Text)} is here twice"
                    + $"{Message.FirstIn(seen[recipe.FullPath(source.Model)].Location)}: name each model once and add up its "
                    + "weights");
            }

            if (method.Base == BaseModelUse.Required && IsBase(source) && source.Parameters.Items.Count > 0)
            {
                warnings.Add($"{source.Parameters.Items[0].Location}: parameters of the base model have no effect, "
                    + $"{method.Name} measures the other models against it: remove them");
            }
        }

        CheckCount(sources, place);
    }

    private void CheckCount(IReadOnlyList<RecipeSource> sources, SourceLocation place)
    {
        bool besidesBase = method.Base == BaseModelUse.Required;
        RecipeSource[] counted = [.. sources.Where(source => !besidesBase || !IsBase(source))];
        if (counted.Length >= method.MinModels && counted.Length <= method.MaxModels)
        {
            return;
        }

        bool isFew = counted.Length < method.MinModels;
        string bound = method.MinModels == method.MaxModels ? "exactly" : isFew ? "at least" : "at most";
        string expected = Message.Count(isFew ? method.MinModels : method.MaxModels, "model");
        throw new RecipeException(
            isFew ? place : counted[method.MaxModels].Location,
            $"{method.Name} merges {bound} {expected}{(besidesBase ? " besides base_model" : "")}, found "
                + $"{counted.Length}: {(isFew ? "add the others" : "remove the others or choose another method")}");
    }

    private bool IsBase(RecipeSource source) =>
        recipe.BaseModel is not null && recipe.FullPath(source.Model) == recipe.FullPath(recipe.BaseModel);
}
