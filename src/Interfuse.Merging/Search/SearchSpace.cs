using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Search;

/// <summary>The candidates of a search: a point of the unit cube is a value for every dimension.</summary>
/// <param name="recipe">A recipe with a search.</param>
internal sealed class SearchSpace(Recipe recipe)
{
    private readonly IReadOnlyList<SearchDimension> _dimensions = recipe.Search!.Dimensions;

    public int DimensionCount => _dimensions.Count;

    /// <summary>How many combinations there are, as far as a number goes; null where there is no end of them.</summary>
    public long? Combinations
    {
        get
        {
            long product = 1;
            foreach (SearchDimension dimension in _dimensions)
            {
                if (dimension.Values.Count == 0)
                {
                    return null;
                }

                product = product > long.MaxValue / dimension.Values.Count
                    ? long.MaxValue
                    : product * dimension.Values.Count;
            }

            return product;
        }
    }

    /// <summary>The values of a combination, the last dimension's running fastest.</summary>
    public Candidate Combination(long number)
    {
        var values = new ParameterSetting[DimensionCount];
        for (int i = DimensionCount - 1; i >= 0; i--)
        {
            (number, long place) = Math.DivRem(number, _dimensions[i].Values.Count);
            values[i] = _dimensions[i].Values[(int)place];
        }

        return With(values);
    }

    /// <summary>The values at a point.</summary>
    /// <param name="point">A number from 0 to 1 for each dimension.</param>
    public Candidate At(ReadOnlySpan<double> point)
    {
        var values = new ParameterSetting[DimensionCount];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ValueAt(_dimensions[i], point[i]);
        }

        return With(values);
    }

    /// <summary>The point of the recipe's own values; the middle where it has none, or one beyond the bounds.</summary>
    public double[] Start() => [.. _dimensions.Select(StartOf)];

    private static ParameterSetting ValueAt(SearchDimension dimension, double position)
    {
        if (dimension.Values.Count > 0)
        {
            return dimension.Values[(int)Math.Min(position * dimension.Values.Count, dimension.Values.Count - 1)];
        }

        // Four decimals of the width at most: what a person can read and write, and nothing a merge would show is lost.
        SearchRange range = dimension.Range!;
        double width = range.Maximum - range.Minimum;
        int digits = Math.Clamp(4 - (int)Math.Ceiling(Math.Log10(width)), 0, 15);
        double value = Math.Round(range.Minimum + (position * width), digits);
        return new NumberSetting(Math.Clamp(value, range.Minimum, range.Maximum));
    }

    private double StartOf(SearchDimension dimension)
    {
        const double Middle = 0.5;
        ParameterSet own = dimension.Model is { } model
            ? recipe.AllSources.First(source => recipe.FullPath(source.Model) == recipe.FullPath(model)).Parameters
            : recipe.Parameters;
        if (!own.TryGet(dimension.Parameter, out Parameter? parameter))
        {
            return Middle;
        }

        if (dimension.Values.Count > 0)
        {
            int place = dimension.Values.ToList().IndexOf(parameter.Setting);
            return place < 0 ? Middle : (place + 0.5) / dimension.Values.Count;
        }

        SearchRange range = dimension.Range!;
        return parameter.Setting is NumberSetting { Value: var value } && value >= range.Minimum && value <= range.Maximum
            ? (value - range.Minimum) / (range.Maximum - range.Minimum)
            : Middle;
    }

    private Candidate With(ParameterSetting[] values)
    {
        Recipe merged = recipe with { Search = null, Evaluation = null };
        for (int i = 0; i < values.Length; i++)
        {
            merged = With(merged, _dimensions[i], values[i]);
        }

        return new Candidate(
            merged with { Text = merged.ToYaml() },
            [.. _dimensions.Select((one, i) => new Coefficient(one.Model?.Text, one.Parameter, values[i]))]);
    }

    private Recipe With(Recipe merged, SearchDimension dimension, ParameterSetting value)
    {
        var parameter = new Parameter(dimension.Parameter, value, dimension.Location);
        if (dimension.Model is null)
        {
            return merged with { Parameters = merged.Parameters.With(parameter) };
        }

        string path = recipe.FullPath(dimension.Model);
        RecipeSource Changed(RecipeSource source) => recipe.FullPath(source.Model) == path
            ? source with { Parameters = source.Parameters.With(parameter) }
            : source;
        return merged with
        {
            Models = [.. merged.Models.Select(Changed)],
            Slices = [.. merged.Slices.Select(slice => slice with { Sources = [.. slice.Sources.Select(Changed)] })],
        };
    }
}
