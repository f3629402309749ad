using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>The settings that the methods built on task vectors (expert minus base) share.</summary>
internal static class TaskVectors
{
    public static readonly ParameterSpec Weight = new("weight", ParameterScope.Model, Default: null);
    public static readonly ParameterSpec Density = new("density", ParameterScope.Model, Default: 1, Minimum: 0, Maximum: 1);
    public static readonly ParameterSpec Lambda = new("lambda", ParameterScope.Merge, Default: 1);

    /// <summary>Accepted for the sake of mergekit's recipes, where it sets the type of a temporary mask; the result is the same.</summary>
    public static readonly ParameterSpec Int8Mask = Flag("int8_mask", on: false);

    public static ParameterSpec Flag(string name, bool on) =>
        new(name, ParameterScope.Merge, Default: on ? 1 : 0, Kind: ParameterKind.Flag);

    public static Consensus ConsensusOf(TensorSettings tensor, ParameterSpec normalize) => new(
        tensor.IsOn(normalize),
        (float)tensor.Value(Lambda),
        tensor.Semantics == MergeSemantics.Mergekit ? ZeroSum.Positive : ZeroSum.NoMajority);
}

/// <summary>Makes task vectors that were thinned keep the l1 norm they had: scale = sum|delta| / sum|delta kept|.</summary>
internal sealed class NormPass(int experts, int tiles, NormPass.Thinning thin) : TensorPass
{
    private readonly (double All, double Kept)[,] _sums = new (double, double)[experts, tiles];

    /// <summary>Writes the thinned task vector of the block's expert with this index.</summary>
    public delegate void Thinning(in Block block, int expert, Span<float> destination);

    public override void Visit(in Block block)
    {
        Span<float> values = block.Scratch[..block.Length];
        for (int expert = 0; expert < experts; expert++)
        {
            ref (double All, double Kept) sum = ref _sums[expert, block.Tile];
            block.Kernels.TaskVector(block.Base, block.Experts[expert], minimumBits: 0, values);
            sum.All += block.Kernels.AbsoluteSum(values);
            thin(block, expert, values);
            sum.Kept += block.Kernels.AbsoluteSum(values);
        }
    }

    /// <summary>
    /// The scale of one expert; 1 where either norm is too small to divide by (1e-7, mergekit's bound), and where a NaN or an
    /// infinity in the expert leaves no ratio, so that it does not spread to all other elements.
    /// </summary>
    public float Scale(int expert)
    {
        double all = 0;
        double kept = 0;
        for (int tile = 0; tile < tiles; tile++)
        {
            all += _sums[expert, tile].All;
            kept += _sums[expert, tile].Kept;
        }

        return double.IsFinite(all) && all >= 1e-7 && kept >= 1e-7 ? (float)(all / kept) : 1f;
    }
}
