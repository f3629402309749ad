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
        private readonly BlockTerm[] _terms = Array.ConvertAll(weights, weight => new BlockTerm(weight));
        private NormPass? _norms;

        public override TensorPass? NextPass()
        {
            if (_selection.NextPass() is { } pass)
            {
                return pass;
            }

            if (!rescale)
            {
                return null;
            }

            if (_norms is null)
            {
                return _norms = new NormPass(weights.Length, TileGrid.TileCount(elements), Trim);
            }

            for (int expert = 0; expert < _terms.Length; expert++)
            {
                _terms[expert] = _terms[expert] with { Scale = _norms.Scale(expert) };
            }

            return null;
        }

        public override void Apply(in Block block, Span<float> destination)
        {
            Span<BlockTerm> terms = stackalloc BlockTerm[_terms.Length];
            _terms.CopyTo(terms);

            // Between two cuts every expert's rule for equal magnitudes is the same.
            for (int start = 0; start < block.Length;)
            {
                int end = (int)(_selection.NextCut(block.Start + start, block.Start + block.Length) - block.Start);
                for (int expert = 0; expert < terms.Length; expert++)
                {
                    terms[expert] = terms[expert] with { MinimumBits = _selection[expert].MinimumBits(block.Start + start) };
                }

                Block part = block.Slice(start, end - start);
                block.Kernels.ElectAndMerge(part.Base, part.Experts, terms, consensus, destination[start..end]);
                start = end;
            }
        }

        private void Trim(in Block block, int expert, Span<float> destination)
        {
            TopKThreshold threshold = _selection[expert];
            int cut = (int)Math.Clamp(threshold.TieEnd - block.Start, 0, block.Length);
            for (int start = 0; start < block.Length;)
            {
                int end = start < cut ? cut : block.Length;
                Block part = block.Slice(start, end - start);
                block.Kernels.TaskVector(
                    part.Base, part.Experts[expert], threshold.MinimumBits(part.Start), destination[start..end]);
                start = end;
            }
        }
    }
}
