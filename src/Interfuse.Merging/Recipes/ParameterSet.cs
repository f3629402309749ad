using System.Diagnostics.CodeAnalysis;

namespace Interfuse.Merging.Recipes;

/// <summary>A parameter that a recipe sets.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Setting">Its value, or the rule that gives its value.</param>
/// <param name="Location">Where its name is written.</param>
public sealed record Parameter(string Name, ParameterSetting Setting, SourceLocation Location);

/// <summary>The parameters set at one place of a recipe, each name once, in the order written.</summary>
public sealed class ParameterSet
{
    internal ParameterSet(IReadOnlyList<Parameter> items) => Items = items;

    /// <summary>No parameters.</summary>
    public static ParameterSet Empty { get; } = new([]);

    /// <summary>The parameters in the order written.</summary>
    public IReadOnlyList<Parameter> Items { get; }

    /// <summary>The same with one parameter in the place of that of its name, or added at the end.</summary>
    internal ParameterSet With(Parameter parameter) => new(TryGet(parameter.Name, out Parameter? old)
        ? [.. Items.Select(item => item == old ? parameter : item)]
        : [.. Items, parameter]);

    /// <summary>Finds the parameter with this name (exact, case-sensitive).</summary>
    public bool TryGet(string name, [MaybeNullWhen(false)] out Parameter parameter)
    {
        foreach (Parameter item in Items)
        {
            if (item.Name == name)
            {
                parameter = item;
                return true;
            }
        }

        parameter = null;
        return false;
    }
}
