using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Planning;

/// <summary>Finds filters of a recipe that no tensor's name contains: most likely a slip of the pen.</summary>
internal static class UnusedFilters
{
    /// <summary>Adds a warning for each of them.</summary>
    public static void Report(Recipe recipe, OutputShape shape, List<string> warnings)
    {
        HashSet<string> names = [.. shape.Slots.Select(slot => slot.Name), .. shape.Slots.SelectMany(slot => slot.Inputs).Select(input => input.Name)];
        IEnumerable<ParameterSet> sets =
        [
            recipe.Parameters,
            .. recipe.Models.Select(source => source.Parameters),
            .. recipe.Slices.Select(slice => slice.Parameters),
            .. recipe.Slices.SelectMany(slice => slice.Sources).Select(source => source.Parameters),
        ];
        foreach (Parameter parameter in sets.SelectMany(set => set.Items))
        {
            if (parameter.Setting is not ConditionalSetting conditional)
            {
                continue;
            }

            foreach (string? filter in conditional.Entries.Select(entry => entry.Filter))
            {
                if (filter is not (null or "*") && !names.Any(name => name.Contains(filter, StringComparison.Ordinal)))
                {
                    warnings.Add($"line {parameter.Location.Line}: no tensor's name contains the filter '{filter}' of {parameter.Name}");
                }
            }
        }
    }
}
