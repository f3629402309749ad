using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>DARE: drop elements of each task vector at random, rescale what is left, then add or elect (Yu et al., arXiv 2311.03099).</summary>
/// <remarks>
/// An element is kept with probability <c>density</c>. With <c>rescale</c> (on unless set) the kept ones are multiplied by
/// 1/density, which keeps the expectation; mergekit instead restores the tensor's l1 norm. What is kept depends on the
/// seed, the tensor's name, the expert's place among the inputs and the element's index, and on nothing else.
/// </remarks>
public sealed class Dare : MergeMethod
{
    private static readonly ParameterSpec Normalize = TaskVectors.Flag("normalize", on: false);
    private static readonly ParameterSpec Rescale = TaskVectors.Flag("rescale", on: true);

    private readonly bool _elect;

    private Dare(string name, bool elect)
    {
        _elect = elect;
        Signature = new MethodSignature(
            name, BaseModelUse.Required, MinModels: 1, MaxModels: int.MaxValue,
            [TaskVectors.Weight, TaskVectors.Density, Normalize, Rescale, TaskVectors.Lambda, TaskVectors.Int8Mask]);
    }

    /// <summary><c>dare_linear</c>: the thinned task vectors are added.</summary>
    public static Dare Linear { get; } = new("dare_linear", elect: false);

    /// <summary><c>dare_ties</c>: a sign is elected per element and those that agree are merged.</summary>
    public static Dare Ties { get; } = new("dare_ties", elect: true);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; }

    /// <inheritdoc/>
    public override TensorMerge Bind(TensorSettings tensor)
    {
        bool keepsNorm = tensor.IsOn(Rescale) && tensor.Semantics == MergeSemantics.Mergekit;
        bool keepsExpectation = tensor.IsOn(Rescale) && tensor.Semantics == MergeSemantics.Published;
        double[] densities = tensor.ExpertValues(TaskVectors.Density);
        Drop[] drops = [.. densities.Select((density, expert) => new Drop(
            density, keepsExpectation && density > 0 ? (float)(1 / density) : 1f, tensor.RandomWords(expert)))];
        float[] weights = Array.ConvertAll(tensor.ExpertValues(TaskVectors.Weight), weight => (float)weight);
        return new DareMerge(
            weights, drops, _elect, keepsNorm ? TileGrid.TileCount(tensor.ElementCount) : 0,
            TaskVectors.ConsensusOf(tensor, Normalize));
    }

    private sealed class DareMerge(float[] weights, Drop[] drops, bool elect, int normTiles, Consensus consensus) : TensorMerge
    {
        private NormPass? _norms;

        public override TensorPass? NextPass()
        {
            if (normTiles == 0)
            {
                return null;
            }

            if (_norms is null)
            {
                return _norms = new NormPass(
                    drops.Length, normTiles, (in Block block, int expert, Span<float> kept) => drops[expert].Thin(block, expert, kept));
            }

            for (int expert = 0; expert < drops.Length; expert++)
            {
                drops[expert] = drops[expert] with { Scale = _norms.Scale(expert) };
            }

            return null;
        }

        public override void Apply(in Block block, Span<float> destination)
        {
            for (int expert = 0; expert < drops.Length; expert++)
            {
                drops[expert].Thin(block, expert, block.Scratch.Slice(expert * TileGrid.BlockLength, block.Length));
            }

            var thinned = new Rows(block.Scratch, drops.Length, block.Length, TileGrid.BlockLength);
            if (elect)
            {
                block.Kernels.ElectAndMergeReady(block.Base, thinned, weights, consensus, destination);
            }
            else
            {
                block.Kernels.AddReadyTaskVectors(block.Base, thinned, weights, consensus, destination);
            }
        }
    }

    private sealed record Drop(double Density, float Scale, WordStream Words)
    {
        public void Thin(in Block block, int expert, Span<float> destination)
        {
            if (Density >= 1)
            {
                block.Kernels.TaskVector(block.Base, block.Experts[expert], minimumBits: 0, destination);
                return;
            }

            // A 32-bit word is below this bound with the probability asked for, to within 2^-33.
            uint keepBelow = (uint)Math.Min(Math.Round(Density * 4294967296.0), uint.MaxValue);
            Span<uint> words = block.Words[..block.Length];
            Words(block.Kernels, block.Start, words);
            block.Kernels.DroppedTaskVector(block.Base, block.Experts[expert], words, keepBelow, Scale, destination);
        }
    }
}
