using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>One model's tensor as it is, or times <c>scale</c>: for stacking layers of several models ("frankenmerge").</summary>
public sealed class Passthrough : MergeMethod
{
    private static readonly ParameterSpec Scale = new("scale", ParameterScope.Model, Default: null, AllowsNone: true);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "passthrough", BaseModelUse.Optional, MinModels: 1, MaxModels: 1, [Scale]);

    /// <inheritdoc/>
    public override TensorMerge Bind(TensorSettings tensor) =>
        new WeightedSum([(float)(tensor.ValueOrNone(Scale, 0) ?? 1)]);
}
