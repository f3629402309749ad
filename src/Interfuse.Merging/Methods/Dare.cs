using Interfuse.Compute;
using Interfuse.Merging.Planning;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>DARE: drop elements of each task vector at random, rescale what is left, then add or elect (Yu et al., arXiv 2311.03099).</summary>
/// <remarks>
/// An element is kept with probability <c>density</c>, which counts in steps of 2^-16. With <c>rescale</c> (on unless set) the
/// kept ones are multiplied by 1/density, which keeps the expectation; mergekit instead restores the tensor's l1 norm. What is
/// kept depends on the seed, the tensor's name, the expert's place among the inputs and the element's index, and on nothing
/// else.
/// </remarks>
public sealed class Dare : MergeMethod
{
    private static readonly ParameterSpec Normalize = TaskVectors.Flag("normalize", on: false);
    private static readonly ParameterSpec Rescale = TaskVectors.Flag("rescale", on: true);

    // What random numbers of 16 bits stay below.
    private const double NumberRange = 65536;

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
        double[] weights = tensor.ExpertValues(TaskVectors.Weight);
        double[] densities = tensor.ExpertValues(TaskVectors.Density);
        TaskTerm[] terms = [.. densities.Select((density, expert) =>
        {
            int kept = KeptOf65536(density);
            return new TaskTerm(
                (float)weights[expert],
                keepsExpectation && kept > 0 ? (float)(NumberRange / kept) : 1f,
                Drop: kept < NumberRange
                    ? new RandomDrop(tensor.Seed, DropStream.Of(tensor.Name, expert), (ushort)kept)
                    : null);
        })];
        return new DareMerge(
            terms, _elect, keepsNorm ? TileGrid.TileCount(tensor.ElementCount) : 0,
            TaskVectors.ConsensusOf(tensor, Normalize));
    }

    // So many of the random numbers are kept: the share asked for, to within 2^-17, but none only where none is asked for.
    // The scale is that of the share, so that the expectation is exact.
    private static int KeptOf65536(double density) =>
        density > 0 ? (int)Math.Clamp(Math.Round(density * NumberRange), 1, NumberRange) : 0;

    private sealed class DareMerge(TaskTerm[] terms, bool elect, int normTiles, Consensus consensus) : TensorMerge
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
                return _norms = new NormPass(terms, normTiles);
            }

            for (int expert = 0; expert < terms.Length; expert++)
            {
                terms[expert] = terms[expert] with { Scale = _norms.Scale(expert) };
            }

            return null;
        }

        public override void Apply(in Chunk chunk, DeviceSpan destination)
        {
            if (elect)
            {
                chunk.Queue.ElectAndMerge(chunk.Base, chunk.Experts, terms, consensus, chunk.Start, destination);
            }
            else
            {
                chunk.Queue.AddTaskVectors(chunk.Base, chunk.Experts, terms, consensus, chunk.Start, destination);
            }
        }
    }
}
