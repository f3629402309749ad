using System.Globalization;

namespace Interfuse.Merging.Recipes;

/// <summary>What a parameter has one value for.</summary>
public enum ParameterScope
{
    /// <summary>One value per output tensor.</summary>
    Merge,

    /// <summary>One value per model and tensor.</summary>
    Model,
}

/// <summary>What values a parameter takes.</summary>
public enum ParameterKind
{
    /// <summary>A finite number, or a gradient of them over the layers.</summary>
    Number,

    /// <summary>True or false (1 or 0).</summary>
    Flag,

    /// <summary>One of <see cref="ParameterSpec.Words"/>; the value is its place among them.</summary>
    Word,
}

/// <summary>What a merge method does with <c>base_model</c>.</summary>
public enum BaseModelUse
{
    /// <summary>Nothing: naming one is an error.</summary>
    None,

    /// <summary>It may be named.</summary>
    Optional,

    /// <summary>It must be named.</summary>
    Required,
}

/// <summary>One parameter of a merge method.</summary>
/// <param name="Name">The name in recipes.</param>
/// <param name="Scope">What the parameter has one value for.</param>
/// <param name="Default">The value where a recipe sets none; null makes the parameter required.</param>
/// <param name="Minimum">The smallest allowed value.</param>
/// <param name="Maximum">The largest allowed value.</param>
/// <param name="Kind">What values it takes.</param>
/// <param name="AllowsNone">Whether a parameter without default may stay without a value.</param>
public sealed record ParameterSpec(
    string Name,
    ParameterScope Scope,
    double? Default,
    double Minimum = double.NegativeInfinity,
    double Maximum = double.PositiveInfinity,
    ParameterKind Kind = ParameterKind.Number,
    bool AllowsNone = false)
{
    /// <summary>The words that a parameter of kind <see cref="ParameterKind.Word"/> takes.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    // An allowed value to show in messages.
    internal string ExampleValue => Kind switch
    {
        ParameterKind.Flag => "true",
        ParameterKind.Word => Words[0],
        _ => Math.Clamp(0.5, Minimum, Maximum).ToString(CultureInfo.InvariantCulture),
    };
}

/// <summary>What a merge method expects of a recipe.</summary>
/// <param name="Name">The value of <c>merge_method</c> that selects it.</param>
/// <param name="Base">What it does with <c>base_model</c>.</param>
/// <param name="MinModels">
/// The fewest models, not counting <c>base_model</c> where that is required; the same holds for the sources of a slice.
/// </param>
/// <param name="MaxModels">The most models, counted alike; <see cref="int.MaxValue"/> for no bound.</param>
/// <param name="Parameters">The parameters it understands.</param>
public sealed record MethodSignature(
    string Name,
    BaseModelUse Base,
    int MinModels,
    int MaxModels,
    IReadOnlyList<ParameterSpec> Parameters)
{
    /// <summary>Whether the models keep a name in the result, which <c>name</c> beside <c>model</c> sets.</summary>
    public bool NamesModels { get; init; }

    /// <summary>Whether the method chooses among the models by evaluating them, which <c>evaluate</c> says how to do.</summary>
    public bool Evaluates { get; init; }
}
