using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>Weighted average of the models, a model soup when the weights are equal (Wortsman et al., arXiv 2203.05482).</summary>
/// <remarks>r = sum_i (w_i / sum_j w_j) x_i; without <c>normalize</c>, r = sum_i w_i x_i.</remarks>
public sealed class Linear : MergeMethod
{
    // 0.1 + 0.2 - 0.3 is not exactly zero in binary.
    private const double SmallestSum = 1e-8;

    private static readonly ParameterSpec Weight = new("weight", ParameterScope.Model, Default: null);
    private static readonly ParameterSpec Normalize =
        new("normalize", ParameterScope.Merge, Default: 1, Kind: ParameterKind.Flag);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "linear", BaseModelUse.Optional, MinModels: 1, MaxModels: int.MaxValue, [Weight, Normalize]);

    /// <inheritdoc/>
    public override TensorMerge Bind(TensorSettings tensor)
    {
        double[] weights = tensor.ExpertValues(Weight);
        if (tensor.IsOn(Normalize))
        {
            double sum = weights.Sum();
            if (Math.Abs(sum) < SmallestSum)
            {
                throw new UnfitSettingsException(
                    $"tensor '{tensor.Name}': the weights sum to zero, so they can't be normalised; set `normalize: false` or change a weight");
            }

            weights = Array.ConvertAll(weights, weight => weight / sum);
        }

        return new WeightedSum(Array.ConvertAll(weights, weight => (float)weight));
    }
}

/// <summary>r = sum_i w_i x_i, in input order.</summary>
internal sealed class WeightedSum(float[] weights) : TensorMerge
{
    public override int? CopyOf => weights is [1f] ? 0 : null;

    public override void Apply(in Chunk chunk, DeviceSpan destination) =>
        chunk.Queue.LinearCombination(chunk.Inputs, weights, destination);
}
