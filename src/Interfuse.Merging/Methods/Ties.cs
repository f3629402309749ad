using Interfuse.Compute;
using Interfuse.Merging.Recipes;
using Interfuse.Merging.Selection;

namespace Interfuse.Merging.Methods;

/// <summary>TIES: trim each task vector to its largest values, elect a sign per element, average those that agree (Yadav et al., arXiv 2306.01708).</summary>
/// <remarks>
/// Of each expert's task vector the <c>density</c> share with the largest magnitude is kept, per tensor; of equal magnitudes the
/// lowest index first. v_i = w_i trim(x_i - base); the elected sign is that of sum_i v_i; Delta = sum of the v_i that have
/// it, divided by the sum of their weights unless <c>normalize</c> is off; r = base + lambda Delta.
/// </remarks>
public sealed class Ties : MergeMethod
{
    private static readonly ParameterSpec Normalize = TaskVectors.Flag("normalize", on: true);
    private static readonly ParameterSpec Rescale = TaskVectors.Flag("rescale", on: false);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "ties", BaseModelUse.Required, MinModels: 1, MaxModels: int.MaxValue,
        [TaskVectors.Weight, TaskVectors.Density, Normalize, Rescale, TaskVectors.Lambda, TaskVectors.Int8Mask]);

    /// <inheritdoc/>
    public override TensorMerge Bind(TensorSettings tensor) => new TiesMerge(
        Array.ConvertAll(tensor.ExpertValues(TaskVectors.Weight), weight => (float)weight),
        Array.ConvertAll(tensor.ExpertValues(TaskVectors.Density), density => KeepCount(density, tensor)),
        tensor.ElementCount,
        tensor.ScratchBytes,
        tensor.IsOn(Rescale),
        TaskVectors.ConsensusOf(tensor, Normalize));

    /// <summary>How many of a tensor's elements a density keeps: density * n rounded down, at least one unless the density is 0.</summary>
    /// <remarks>
    /// The product is taken in decimal, so that 0.29 of 100 is 29. mergekit's binary product gives 28, and fails where it gives 0.
    /// </remarks>
    private static long KeepCount(double density, TensorSettings tensor)
    {
        long count = tensor.Semantics == MergeSemantics.Mergekit
            ? (long)(density * tensor.ElementCount)
            : (long)((decimal)density * tensor.ElementCount);
        return density > 0 ? Math.Max(count, Math.Min(1, tensor.ElementCount)) : 0;
    }

    private sealed class TiesMerge(
        float[] weights, long[] keep, long elements, long scratchBytes, bool rescale, Consensus consensus)
        : TensorMerge
    {
        private readonly TopKSelection _selection = new(keep, elements, scratchBytes);
        private readonly TaskTerm[] _terms = new TaskTerm[weights.Length];
        private NormPass? _norms;

        public override TensorPass? NextPass()
        {
            if (_selection.NextPass() is { } pass)
            {
                return pass;
            }

            for (int expert = 0; expert < _terms.Length; expert++)
            {
                _terms[expert] = new TaskTerm(weights[expert], _norms?.Scale(expert) ?? 1f, _selection[expert]);
            }

            return rescale && _norms is null ? _norms = new NormPass(_terms, TileGrid.TileCount(elements)) : null;
        }

        public override void Apply(in Chunk chunk, DeviceSpan destination) =>
            chunk.Queue.ElectAndMerge(chunk.Base, chunk.Experts, _terms, consensus, chunk.Start, destination);
    }
}
