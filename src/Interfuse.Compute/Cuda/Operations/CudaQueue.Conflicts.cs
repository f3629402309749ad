namespace Interfuse.Compute.Cuda;

public sealed partial class CudaQueue
{
    private const int ConflictThreads = 256;

    // Elements that a block of threads takes.
    private const int ConflictChunk = 16384;

    /// <inheritdoc/>
    protected override void CountConflictsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TopKThreshold> keeps,
        long firstElement,
        Span<long> counts)
    {
        var arguments = new ConflictArguments
        {
            Base = Address(baseValues),
            Length = baseValues.Length,
            Counts = Scratch((long)counts.Length * sizeof(long)),
            Count = experts.Length,
            BaseDType = Code(baseValues.DType),
        };
        for (int expert = 0; expert < experts.Length; expert++)
        {
            arguments.Terms[expert] = Term(experts[expert], new TaskTerm(1, 1, keeps[expert]), firstElement);
        }

        Clear(arguments.Counts, (long)counts.Length * sizeof(long));
        Launch(
            "interfuse_count_conflicts",
            (baseValues.Length + ConflictChunk - 1) / ConflictChunk,
            ConflictThreads,
            arguments);
        long[] sums = new long[counts.Length];
        Read<long>(arguments.Counts, sums);
        for (int count = 0; count < counts.Length; count++)
        {
            counts[count] += sums[count];
        }
    }
}
