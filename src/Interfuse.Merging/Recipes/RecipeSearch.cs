namespace Interfuse.Merging.Recipes;

/// <summary>How a search goes through the values.</summary>
public enum SearchStrategy
{
    /// <summary>Every combination.</summary>
    Grid,

    /// <summary>A (1+1) evolution strategy with the rule of one success in five.</summary>
    Evolution,
}

/// <summary>A search for the best values of a method's parameters.</summary>
/// <param name="Dimensions">What is searched for, one or more, in the order written.</param>
/// <param name="Strategy">How.</param>
/// <param name="Evaluations">The most models that are evaluated, 1 or more.</param>
/// <param name="Seed">The seed of what is drawn at random.</param>
/// <param name="Location">Where the search begins in the recipe.</param>
public sealed record RecipeSearch(
    IReadOnlyList<SearchDimension> Dimensions,
    SearchStrategy Strategy,
    int Evaluations,
    ulong Seed,
    SourceLocation Location);

/// <summary>A parameter that is searched for.</summary>
/// <param name="Model">The model whose own parameter it is, or null for the recipe's.</param>
/// <param name="Parameter">The parameter's name.</param>
/// <param name="Values">The values it may take, in order; empty for every number of <paramref name="Range"/>.</param>
/// <param name="Range">The bounds as written; null where values are listed.</param>
/// <param name="Location">Where its name is written.</param>
public sealed record SearchDimension(
    ModelReference? Model,
    string Parameter,
    IReadOnlyList<ParameterSetting> Values,
    SearchRange? Range,
    SourceLocation Location)
{
    /// <summary>The parameter as messages name it: <c>weight</c> or <c>weight of ./code</c>.</summary>
    public override string ToString() => Model is null ? Parameter : $"{Parameter} of {Model.Text}";
}

/// <summary>Numbers between two bounds, both included.</summary>
/// <param name="Minimum">The smallest.</param>
/// <param name="Maximum">The largest, above the smallest.</param>
/// <param name="Step">The distance from one number to the next, above 0; null for every number between.</param>
public sealed record SearchRange(double Minimum, double Maximum, double? Step);
