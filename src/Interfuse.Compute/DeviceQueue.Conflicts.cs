namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>How many counts <see cref="CountConflicts"/> gives: two per pair of experts, and two for all of them.</summary>
    public static int ConflictCounts(int experts) => (experts * (experts - 1)) + 2;

    /// <summary>
    /// Counts where task vectors contradict each other by their signs (Mediator: Lai et al., 2025). Of every expert only
    /// the deltas that are kept have a sign; others, and NaN, count as 0, like those that are 0.
    /// </summary>
    /// <remarks>
    /// For experts s above t, <c>p = s (s - 1) / 2 + t</c>: <c>counts[2 p]</c> grows by the elements where both have a
    /// sign, <c>counts[2 p + 1]</c> by those of them where the signs are opposite. The last but one grows by the elements
    /// where at least two experts have a sign, the last by those of them where any two are opposite.
    /// </remarks>
    /// <param name="baseValues">The base model's values.</param>
    /// <param name="experts">The experts', N from 1 to <see cref="Device.MaxExperts"/>; types may differ.</param>
    /// <param name="keeps">What to keep of each expert, see <see cref="FindThreshold"/>.</param>
    /// <param name="firstElement">The flat index in the tensor of the first element, a multiple of 8.</param>
    /// <param name="counts">The counts are added to these, <see cref="ConflictCounts"/> of them.</param>
    /// <exception cref="ArgumentException">Types, counts or lengths break the rules of the class.</exception>
    public void CountConflicts(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TopKThreshold> keeps,
        long firstElement,
        Span<long> counts)
    {
        CheckExperts(experts.Length, keeps.Length);
        CheckFirstElement(firstElement);
        foreach (DeviceSpan expert in experts)
        {
            CheckPair(baseValues, expert);
        }

        if (counts.Length != ConflictCounts(experts.Length))
        {
            throw new ArgumentException(
                $"{experts.Length} experts have {ConflictCounts(experts.Length)} counts of conflicts, not {counts.Length}.",
                nameof(counts));
        }

        CountConflictsCore(baseValues, experts, keeps, firstElement, counts);
    }

    /// <summary><see cref="CountConflicts"/>, checked.</summary>
    protected abstract void CountConflictsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        ReadOnlySpan<TopKThreshold> keeps,
        long firstElement,
        Span<long> counts);
}
