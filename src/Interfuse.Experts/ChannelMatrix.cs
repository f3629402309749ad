using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>A matrix whose channels (rows) are to be merged: how many, how large, and how alike the experts are.</summary>
/// <param name="Channels">m, 1 or more.</param>
/// <param name="RowBytes">What a stored row takes, 1 or more.</param>
/// <param name="Grams">
/// Per channel the Gram matrix G of the experts' task vectors, its lower triangle row by row: [m, N (N + 1) / 2], G[e,f]
/// with f not above e at <c>e (e + 1) / 2 + f</c>.
/// </param>
public sealed record ChannelMatrix(int Channels, long RowBytes, ReadOnlyMemory<double> Grams)
{
    /// <summary>How many numbers a channel of so many experts has: N (N + 1) / 2.</summary>
    public static int PackedLength(int experts) => experts * (experts + 1) / 2;

    /// <summary>Takes the lower triangles of whole Gram matrices, one per channel.</summary>
    /// <param name="full">Gram matrices [m, N, N].</param>
    /// <param name="experts">N, 1 to <see cref="ChannelPartition.MaxExperts"/>.</param>
    /// <param name="packed">Receives [m, N (N + 1) / 2].</param>
    /// <exception cref="ArgumentException">The lengths don't belong together.</exception>
    public static void Pack(ReadOnlySpan<double> full, int experts, Span<double> packed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(experts, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(experts, ChannelPartition.MaxExperts);
        int channels = full.Length / (experts * experts);
        if (full.Length != channels * experts * experts || packed.Length != channels * PackedLength(experts))
        {
            throw new ArgumentException(
                $"{full.Length} elements are no Gram matrices of {experts} experts with {packed.Length} packed.",
                nameof(full));
        }

        int next = 0;
        for (int row = 0; row < channels * experts; row++)
        {
            int used = (row % experts) + 1;
            full.Slice(row * experts, used).CopyTo(packed[next..]);
            next += used;
        }
    }

    /// <summary>The packed Gram matrix of one channel.</summary>
    internal ReadOnlySpan<double> Gram(int channel, int experts)
    {
        int length = PackedLength(experts);
        return Grams.Span.Slice(channel * length, length);
    }

    /// <summary>Writes a packed Gram matrix out as [N, N].</summary>
    internal static void Unpack(ReadOnlySpan<double> packed, int experts, Span<double> full)
    {
        int next = 0;
        for (int e = 0; e < experts; e++)
        {
            for (int f = 0; f <= e; f++)
            {
                full[(e * experts) + f] = full[(f * experts) + e] = packed[next++];
            }
        }
    }
}
