using Interfuse.Checkpoints;

namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    /// <inheritdoc/>
    protected override void TaskVectorCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, long firstElement, DeviceSpan destination)
    {
        TaskTermArguments term = Term(expert, new TaskTerm(1, 1, keep), firstElement);
        LaunchSteps("interfuse_task_vector", destination.Length, new TaskVectorArguments(
            Address(baseValues),
            Address(destination),
            destination.Length,
            NonFiniteCounter,
            term,
            Code(baseValues.DType),
            Code(destination.DType),
            term.IsFinite && AreAligned(baseValues, expert, destination) ? 1 : 0));
    }

    /// <inheritdoc/>
    protected override void AddTaskVectorsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination)
    {
        MergeArguments arguments = Merge(baseValues, experts, terms, consensus, firstElement, destination);
        bool few = experts.Length <= Few;
        string kernel = CommonType(baseValues, experts) switch
        {
            DType.BFloat16 when few => "interfuse_add_task_vectors_bf16_few",
            DType.BFloat16 => "interfuse_add_task_vectors_bf16_many",
            DType.Float16 when few => "interfuse_add_task_vectors_f16_few",
            DType.Float16 => "interfuse_add_task_vectors_f16_many",
            _ when few => "interfuse_add_task_vectors_mixed_few",
            _ => "interfuse_add_task_vectors_mixed_many",
        };
        LaunchSteps(kernel, destination.Length, arguments);
    }

    /// <inheritdoc/>
    protected override void ElectAndMergeCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination)
    {
        MergeArguments arguments = Merge(baseValues, experts, terms, consensus, firstElement, destination);
        string kernel = (CommonType(baseValues, experts), experts.Length <= Few, consensus.Normalize) switch
        {
            (DType.BFloat16, true, true) => "interfuse_elect_and_merge_bf16_few_mean",
            (DType.BFloat16, true, false) => "interfuse_elect_and_merge_bf16_few_sum",
            (DType.BFloat16, false, _) => "interfuse_elect_and_merge_bf16_many",
            (DType.Float16, true, true) => "interfuse_elect_and_merge_f16_few_mean",
            (DType.Float16, true, false) => "interfuse_elect_and_merge_f16_few_sum",
            (DType.Float16, false, _) => "interfuse_elect_and_merge_f16_many",
            (_, true, true) => "interfuse_elect_and_merge_mixed_few_mean",
            (_, true, false) => "interfuse_elect_and_merge_mixed_few_sum",
            _ => "interfuse_elect_and_merge_mixed_many",
        };
        LaunchSteps(kernel, destination.Length, arguments);
    }

    private MergeArguments Merge(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TaskTerm> terms,
        Consensus consensus,
        long firstElement,
        DeviceSpan destination)
    {
        var arguments = new MergeArguments
        {
            Base = Address(baseValues),
            Destination = Address(destination),
            Length = destination.Length,
            FirstElement = firstElement,
            NonFinite = NonFiniteCounter,
            Count = experts.Length,
            BaseDType = Code(baseValues.DType),
            DestinationDType = Code(destination.DType),
            Lambda = consensus.Lambda,
            Divisor = consensus.Normalize ? Divisor(terms) : 1f,
            Normalize = consensus.Normalize ? 1 : 0,
            Undecided = consensus.ZeroSum == ZeroSum.Positive ? -1f : 0f,
        };
        bool vectorized = AreAligned(baseValues, destination) && AreAligned(experts);
        for (int i = 0; i < experts.Length; i++)
        {
            TaskTermArguments term = Term(experts[i], terms[i], firstElement);
            vectorized &= term.IsFinite;
            arguments.Terms[i] = term;
        }

        arguments.Vectorized = vectorized ? 1 : 0;
        return arguments;
    }

    private static TaskTermArguments Term(DeviceSpan expert, in TaskTerm term, long firstElement)
    {
        var arguments = new TaskTermArguments
        {
            Expert = Address(expert),
            Weight = term.Weight,
            Scale = term.Scale,
            DType = Code(expert.DType),
            Flags = term.Scale != 1f ? TaskTermFlags.Rescales : TaskTermFlags.None,
        };
        if (term.Keep is { } keep && keep.MinimumBits(firstElement + expert.Length) != 0)
        {
            arguments.Flags |= TaskTermFlags.Trims;
            arguments.ThresholdBits = keep.Bits;
            arguments.TieEnd = Math.Clamp(keep.TieEnd - firstElement, 0, expert.Length);
        }

        if (term.Drop is { } drop)
        {
            arguments.Flags |= TaskTermFlags.Drops;
            arguments.Seed = drop.Seed;
            arguments.Stream = drop.Stream;
            arguments.KeepBelow = drop.KeepBelow;
        }

        return arguments;
    }

    // The sum of the weights in the order of the experts, or 1 where it is too near to zero to normalize anything.
    private static float Divisor(ReadOnlySpan<TaskTerm> terms)
    {
        float sum = terms[0].Weight;
        foreach (TaskTerm term in terms[1..])
        {
            sum += term.Weight;
        }

        return MathF.Abs(sum) < CpuKernels.SmallestDivisor ? 1f : sum;
    }
}
