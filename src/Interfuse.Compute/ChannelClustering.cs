namespace Interfuse.Compute;

/// <summary>How <see cref="DeviceQueue.ClusterChannels"/> groups the experts of a channel and merges a group.</summary>
/// <param name="Groups">Into how many groups (K), 1 to the number of experts; none of them is empty.</param>
/// <param name="Similarity">What makes task vectors alike.</param>
/// <param name="Lambda">Scales the mean task vector of a group of two or more, any finite number.</param>
public readonly record struct ChannelClustering(
    int Groups, ChannelSimilarity Similarity = ChannelSimilarity.Cosine, float Lambda = 1f);

/// <summary>What the best partition of a channel's task vectors maximises.</summary>
public enum ChannelSimilarity
{
    /// <summary>
    /// The sum over groups of the norm of the sum of their normalised task vectors: directions count, lengths don't
    /// (spherical k-means).
    /// </summary>
    Cosine,

    /// <summary>
    /// The delta energy kept, which is to minimise the squared distances of the task vectors to the mean of their group
    /// (k-means).
    /// </summary>
    Euclidean,
}
