namespace Interfuse.Merging.Recipes;

/// <summary>Finds the value of a parameter for a tensor among the places that may set it.</summary>
public static class RecipeParameters
{
    /// <summary>
    /// The value of a per-model parameter: the source's own, else the slice's, else the recipe's, else the default.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="slice">The slice the source stands in, or null under <c>models</c>.</param>
    /// <param name="source">The model the value is for.</param>
    /// <param name="spec">The parameter, of scope <see cref="ParameterScope.Model"/>.</param>
    /// <param name="tensorName">The tensor's name in that model (the input's name, where layers are shifted).</param>
    /// <param name="position">How deep the layer is in its slice, 0 to 1.</param>
    /// <returns>The value; null only where the parameter allows none and none is set.</returns>
    /// <exception cref="RecipeException">The parameter is required and nothing sets it for this tensor.</exception>
    /// <exception cref="ArgumentException">The parameter is of the other scope.</exception>
    public static double? ForModel(
        Recipe recipe,
        RecipeSlice? slice,
        RecipeSource source,
        ParameterSpec spec,
        string tensorName,
        double position)
    {
        CheckScope(spec, ParameterScope.Model);
        ReadOnlySpan<ParameterSet?> levels = [source.Parameters, slice?.Parameters, recipe.Parameters];
        return Find(levels, spec, tensorName, position, out bool isSet)
            ?? NoneAllowed(
                spec,
                source.Location,
                $"{recipe.MergeMethod} needs '{spec.Name}' of model '{source.Model.Text}' for tensor '{tensorName}'",
                isSet,
                "under this model, or under the top-level 'parameters' for all models");
    }

    /// <summary>The value of a per-tensor parameter: the slice's, else the recipe's, else the default.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="slice">The slice the tensor is made in, or null under <c>models</c>.</param>
    /// <param name="spec">The parameter, of scope <see cref="ParameterScope.Merge"/>.</param>
    /// <param name="outputTensorName">The tensor's name in the output.</param>
    /// <param name="position">How deep the layer is in its slice, 0 to 1.</param>
    /// <returns>The value; null only where the parameter allows none and none is set.</returns>
    /// <exception cref="RecipeException">The parameter is required and nothing sets it for this tensor.</exception>
    /// <exception cref="ArgumentException">The parameter is of the other scope.</exception>
    public static double? ForMerge(
        Recipe recipe,
        RecipeSlice? slice,
        ParameterSpec spec,
        string outputTensorName,
        double position)
    {
        CheckScope(spec, ParameterScope.Merge);
        return Find([slice?.Parameters, recipe.Parameters], spec, outputTensorName, position, out bool isSet)
            ?? NoneAllowed(
                spec,
                slice?.Location ?? recipe.MethodLocation ?? new SourceLocation(recipe.Path, 0, 0),
                $"{recipe.MergeMethod} needs '{spec.Name}' for tensor '{outputTensorName}'",
                isSet,
                "at the top level of the recipe");
    }

    private static void CheckScope(ParameterSpec spec, ParameterScope scope)
    {
        if (spec.Scope != scope)
        {
            throw new ArgumentException(
                $"'{spec.Name}' has one value per {spec.Scope}, not per {scope}.",
                nameof(spec));
        }
    }

    // A level whose filters all miss is passed over, as if it did not set the parameter.
    private static double? Find(
        ReadOnlySpan<ParameterSet?> levels,
        ParameterSpec spec,
        string tensorName,
        double position,
        out bool isSet)
    {
        isSet = false;
        foreach (ParameterSet? level in levels)
        {
            if (level is not null && level.TryGet(spec.Name, out Parameter? parameter))
            {
                isSet = true;
                if (parameter.Setting.Evaluate(tensorName, position) is double value)
                {
                    return value;
                }
            }
        }

        return spec.Default;
    }

    private static double? NoneAllowed(
        ParameterSpec spec,
        SourceLocation location,
        string need,
        bool isSet,
        string place)
    {
        if (spec.AllowsNone)
        {
            return null;
        }

        throw new RecipeException(location, isSet
            ? $"{need}, and no filter given for '{spec.Name}' matches it: end the list with an entry without a "
                + $"filter, `- value: {spec.ExampleValue}`"
            : $"{need}, and nothing sets it: write `parameters: {{{spec.Name}: {spec.ExampleValue}}}` {place}");
    }
}
