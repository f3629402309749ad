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
/// <param name="terms">How each expert's task vector is thinned; their scales are 1.</param>
/// <param name="tiles">The tensor's tiles.</param>
internal sealed class NormPass(TaskTerm[] terms, int tiles) : TensorPass
{
    private readonly TaskTerm[] _terms = [.. terms];
    private readonly MagnitudeSum[][] _sums = Array.ConvertAll(terms, _ => new MagnitudeSum[tiles]);

    public override void Visit(in Chunk chunk)
    {
        for (int expert = 0; expert < _terms.Length; expert++)
        {
            chunk.Queue.MagnitudeSums(
                chunk.Base, chunk.Experts[expert], _terms[expert], chunk.Start,
                _sums[expert].AsSpan(chunk.FirstTile, chunk.TileCount));
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
        foreach (MagnitudeSum tile in _sums[expert])
        {
            all += tile.All;
            kept += tile.Kept;
        }

        return double.IsFinite(all) && all >= 1e-7 && kept >= 1e-7 ? (float)(all / kept) : 1f;
    }
}
