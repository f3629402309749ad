using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>What a merge method is told about one output tensor: its inputs and the recipe's settings for it.</summary>
public sealed class TensorSettings
{
    private readonly Func<ParameterSpec, double?> _mergeParameter;
    private readonly Func<ParameterSpec, int, double?> _modelParameter;

    internal TensorSettings(
        Func<ParameterSpec, double?> mergeParameter,
        Func<ParameterSpec, int, double?> modelParameter)
    {
        _mergeParameter = mergeParameter;
        _modelParameter = modelParameter;
    }

    /// <summary>The output tensor's name.</summary>
    public required string Name { get; init; }

    /// <summary>The number of elements of the output and of each input.</summary>
    public required long ElementCount { get; init; }

    /// <summary>The models the inputs come from, as the recipe writes them; the base comes first where the method requires one.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>Whether the first input is the base model's.</summary>
    public required bool HasBase { get; init; }

    /// <summary>Whose reading of the papers to follow where they differ.</summary>
    public required MergeSemantics Semantics { get; init; }

    /// <summary>The seed of the methods that draw at random.</summary>
    public required ulong Seed { get; init; }

    /// <summary>How many bytes may be held for this tensor between passes; results don't depend on it.</summary>
    public required long ScratchBytes { get; init; }

    /// <summary>The number of inputs besides the base.</summary>
    public int ExpertCount => Inputs.Count - (HasBase ? 1 : 0);

    /// <summary>The value of a setting that applies to the tensor as a whole.</summary>
    public double Value(ParameterSpec parameter) => _mergeParameter(parameter)!.Value;

    /// <summary>Whether a flag is on for the tensor as a whole.</summary>
    public bool IsOn(ParameterSpec parameter) => Value(parameter) != 0;

    /// <summary>The value of a setting for the input with this index, or null where it is optional and not given.</summary>
    public double? ValueOrNone(ParameterSpec parameter, int input) => _modelParameter(parameter, input);

    /// <summary>The values of a setting for every input besides the base, in input order.</summary>
    public double[] ExpertValues(ParameterSpec parameter)
    {
        int first = HasBase ? 1 : 0;
        return [.. Enumerable.Range(first, ExpertCount).Select(input => _modelParameter(parameter, input)!.Value)];
    }
}

/// <summary>Whose semantics to follow where mergekit departs from the published method (docs/mergekit-compatibility.md).</summary>
public enum MergeSemantics
{
    /// <summary>The papers'.</summary>
    Published,

    /// <summary>mergekit 0.1.4's, element for element up to the rounding of sums.</summary>
    Mergekit,
}
