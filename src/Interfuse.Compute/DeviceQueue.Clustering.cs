using Interfuse.Checkpoints;

namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>
    /// Channel Merging (Zhang et al., AAAI 2025): per output channel (row) of a matrix, divides the experts into K
    /// groups by
    /// the likeness of their task vectors, and merges each group's rows, with the base folded in.
    /// </summary>
    /// <remarks>
    /// <para>
    /// For channel i the delta of expert e is <c>d_e = x_e - base</c> in float32. Their Gram matrix
    /// <c>G[e,f] = sum d_e * d_f</c> is float64: within a block of 1024 elements of the row, counted from the row's
    /// beginning, in the order of <see cref="Dot"/>; the row's sum starts at 0 and takes its blocks' in order (a row
    /// has no
    /// tiles). <see cref="ChannelPartition.Best"/> finds the groups from it, numbered by their lowest expert.
    /// </para>
    /// <para>
    /// A group's row is that of <see cref="MergeGroups"/>, so that <see cref="ChannelGrams"/>,
    /// <see cref="ChannelPartition.Best"/> and <see cref="MergeGroups"/> one after the other give the same bank.
    /// </para>
    /// <para>
    /// Energies: the total is <c>sum G[e,e]</c> in the order of the experts. What is lost is the sum over the groups
    /// of more
    /// than one expert, in order, of <c>sum G[e,e] - T / count</c>, where T is the group's sum of
    /// <see cref="ChannelPartition.Best"/> over the unchanged G; below 0, which only rounding makes it, 0 is stored. So
    /// groups of one lose nothing, and a NaN or an infinity among the deltas of a larger group makes the loss NaN.
    /// </para>
    /// <para>
    /// The bank's infinite and NaN values count for <see cref="TakeNonFinite"/>. Destinations are disjoint from the
    /// sources
    /// and from each other.
    /// </para>
    /// </remarks>
    /// <param name="baseValues">The base model's matrix [m, n].</param>
    /// <param name="experts">The experts' [m, n], 1 to <see cref="ChannelPartition.MaxExperts"/>; types may
    /// differ.</param>
    /// <param name="channels">m, 1 or more; n follows, and is 1 or more.</param>
    /// <param name="clustering">Groups, similarity and lambda.</param>
    /// <param name="bank">Receives the groups' rows [K, m, n], in any float type.</param>
    /// <param name="groups">Receives which group an expert's row is in: [N, m], UInt8.</param>
    /// <param name="energies">Receives per channel the total delta energy and how much of it is lost: [m, 2],
    /// F64.</param>
    /// <exception cref="ArgumentException">Types, counts, lengths or overlap break these rules.</exception>
    public void ClusterChannels(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies)
    {
        CheckClustering(baseValues, experts, channels, clustering);
        CheckArithmetic(bank);
        CheckLength(bank.Length, clustering.Groups * baseValues.Length, nameof(bank));
        CheckTable(groups, DType.UInt8, experts.Length * channels, nameof(groups));
        CheckTable(energies, DType.Float64, 2 * channels, nameof(energies));
        CheckDisjoint([bank, groups, energies], [baseValues, .. experts]);
        ClusterChannelsCore(baseValues, experts, channels, clustering, bank, groups, energies);
    }

    /// <summary><see cref="ClusterChannels"/>, checked.</summary>
    protected abstract void ClusterChannelsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies);

    private static void CheckClustering(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, ChannelClustering clustering)
    {
        CheckExpertMatrices(baseValues, experts, channels);
        if (clustering.Groups < 1 || clustering.Groups > experts.Length
            || !Enum.IsDefined(clustering.Similarity)
            || !float.IsFinite(clustering.Lambda))
        {
            throw new ArgumentException(
                $"{clustering} can't group {experts.Length} experts: give 1 to {experts.Length} groups and a finite lambda.",
                nameof(clustering));
        }
    }

    private static void CheckDisjoint(ReadOnlySpan<DeviceSpan> destinations, ReadOnlySpan<DeviceSpan> sources)
    {
        for (int i = 0; i < destinations.Length; i++)
        {
            if (OverlapsAny(destinations[i], sources) || OverlapsAny(destinations[i], destinations[..i]))
            {
                throw new ArgumentException("A destination overlaps a source or another destination.", nameof(destinations));
            }
        }
    }

    private static bool OverlapsAny(DeviceSpan span, ReadOnlySpan<DeviceSpan> others)
    {
        foreach (DeviceSpan other in others)
        {
            if (span.Overlaps(other))
            {
                return true;
            }
        }

        return false;
    }
}
