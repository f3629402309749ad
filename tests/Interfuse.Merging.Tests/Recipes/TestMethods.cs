using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Tests.Recipes;

/// <summary>Signatures like those of the real methods.</summary>
internal static class TestMethods
{
    public static readonly ParameterSpec Weight = new("weight", ParameterScope.Model, Default: null);
    public static readonly ParameterSpec Density = new("density", ParameterScope.Model, Default: 1, 0, 1);
    public static readonly ParameterSpec Scale = new("scale", ParameterScope.Model, Default: null, AllowsNone: true);
    public static readonly ParameterSpec T = new("t", ParameterScope.Merge, Default: null, 0, 1);
    public static readonly ParameterSpec Lambda = new("lambda", ParameterScope.Merge, Default: 1);
    public static readonly ParameterSpec Normalize = Flag("normalize", 1);

    private static readonly ParameterSpec[] Sparse =
        [Weight, Density, Normalize, Flag("rescale", 0), Flag("int8_mask", 0), Lambda];

    public static IReadOnlyList<MethodSignature> All { get; } =
    [
        new("linear", BaseModelUse.Optional, 1, int.MaxValue, [Weight, Normalize]),
        new("slerp", BaseModelUse.Required, 1, 1, [T]),
        new("ties", BaseModelUse.Required, 1, int.MaxValue, Sparse),
        new("dare_ties", BaseModelUse.Required, 1, int.MaxValue, Sparse),
        new("dare_linear", BaseModelUse.Required, 1, int.MaxValue, Sparse),
        new("task_arithmetic", BaseModelUse.Required, 1, int.MaxValue, Sparse),
        new("passthrough", BaseModelUse.None, 1, 1, [Scale]),
        new("karcher", BaseModelUse.None, 2, 3, []),
    ];

    public static Recipe Parse(string yaml) => Recipe.Parse(yaml, "r.yml", All);

    private static ParameterSpec Flag(string name, double value) =>
        new(name, ParameterScope.Merge, value, Kind: ParameterKind.Flag);
}
