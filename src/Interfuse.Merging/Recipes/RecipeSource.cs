namespace Interfuse.Merging.Recipes;

/// <summary>A model as a recipe names it: the path of a local directory, always taken whole.</summary>
/// <remarks>Two references are equal when their texts are; whether they reach the same directory is a matter of
/// <see cref="Recipe.ResolvePath"/>. Characters such as <c>@</c> and <c>+</c> are part of the path.</remarks>
/// <param name="Text">The path as written.</param>
/// <param name="Location">Where it is written.</param>
public sealed record ModelReference(string Text, SourceLocation Location)
{
    /// <summary>Whether both have the same text, wherever they are written.</summary>
    public bool Equals(ModelReference? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);
}

/// <summary>A half-open range of a model's layers, <c>[Start, End)</c>; it may be empty.</summary>
/// <param name="Start">The first layer, from 0.</param>
/// <param name="End">The layer after the last one, at least <paramref name="Start"/>.</param>
public readonly record struct LayerRange(int Start, int End)
{
    /// <summary>How many layers the range holds.</summary>
    public int Length => End - Start;

    /// <summary>The range as recipes write it, <c>[0, 16]</c>.</summary>
    public override string ToString() => $"[{Start}, {End}]";
}

/// <summary>One model among those that are merged, with its own parameters.</summary>
/// <param name="Model">The model.</param>
/// <param name="Layers">Its layers that take part, or null (under <c>models</c>) for all of them.</param>
/// <param name="Parameters">The parameters set beside it; they have the highest precedence.</param>
/// <param name="Location">Where the entry begins.</param>
public sealed record RecipeSource(
    ModelReference Model,
    LayerRange? Layers,
    ParameterSet Parameters,
    SourceLocation Location)
{
    /// <summary>What the model is called in the result, where the recipe says so; only some methods keep models apart.</summary>
    public string? Name { get; init; }
}

/// <summary>A run of output layers and the layers it is merged from.</summary>
/// <param name="Sources">The models, each with a range of the same length.</param>
/// <param name="Parameters">The parameters set for the slice.</param>
/// <param name="Location">Where the entry begins.</param>
public sealed record RecipeSlice(
    IReadOnlyList<RecipeSource> Sources,
    ParameterSet Parameters,
    SourceLocation Location);
