using Interfuse.Compute;
using Interfuse.Merging.Recipes;

namespace Interfuse.Merging.Methods;

/// <summary>Adds weighted task vectors to the base (Ilharco et al., arXiv 2212.04089).</summary>
/// <remarks>r = base + lambda sum_i w_i (x_i - base); with <c>normalize</c> the sum is divided by sum_i w_i.</remarks>
public sealed class TaskArithmetic : MergeMethod
{
    private static readonly ParameterSpec Normalize = TaskVectors.Flag("normalize", on: false);

    /// <inheritdoc/>
    public override MethodSignature Signature { get; } = new(
        "task_arithmetic", BaseModelUse.Required, MinModels: 1, MaxModels: int.MaxValue,
        [TaskVectors.Weight, Normalize, TaskVectors.Lambda, TaskVectors.Int8Mask]);

    /// <inheritdoc/>
    public override TensorMerge Bind(TensorSettings tensor) => new TaskVectorSum(
        Array.ConvertAll(tensor.ExpertValues(TaskVectors.Weight), weight => new TaskTerm((float)weight)),
        TaskVectors.ConsensusOf(tensor, Normalize));

    private sealed class TaskVectorSum(TaskTerm[] terms, Consensus consensus) : TensorMerge
    {
        public override void Apply(in Chunk chunk, DeviceSpan destination) =>
            chunk.Queue.AddTaskVectors(chunk.Base, chunk.Experts, terms, consensus, chunk.Start, destination);
    }
}
