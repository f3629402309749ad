using System.Collections.Immutable;

namespace Interfuse.Experts;

/// <summary>Consecutive vectors of a batch that ask for the same mixture.</summary>
/// <param name="Mix">What they ask for.</param>
/// <param name="Start">The first of them.</param>
/// <param name="Count">How many they are.</param>
public readonly record struct MixRun(ExpertMix Mix, int Start, int Count);

/// <summary>What each vector of a batch asks for: experts, mixtures of them and the shared model, in any order.</summary>
/// <remarks>
/// Equal mixtures that follow one another cost fewer operations. One batch serves every tensor of a pack; it keeps what it
/// has worked out, so give the same one again for the same batch. Serves one thread at a time.
/// </remarks>
public sealed class MixedBatch
{
    // By whether tensors have a shared matrix, and by whether they are one for all.
    private readonly MixExpansion?[] _expansions = new MixExpansion?[3];

    /// <summary>Makes a batch.</summary>
    /// <param name="mixes">What each vector asks for, any number of them.</param>
    public MixedBatch(ReadOnlySpan<ExpertMix> mixes)
    {
        Mixes = [.. mixes];
        var runs = new List<MixRun>();
        for (int start = 0; start < mixes.Length;)
        {
            int end = start + 1;
            while (end < mixes.Length && mixes[end].Equals(mixes[start]))
            {
                end++;
            }

            runs.Add(new MixRun(mixes[start], start, end - start));
            start = end;
        }

        Runs = [.. runs];
    }

    /// <summary>What each vector asks for.</summary>
    public ImmutableArray<ExpertMix> Mixes { get; }

    /// <summary>How many vectors there are.</summary>
    public int Count => Mixes.Length;

    /// <summary>Stretches of vectors that ask for the same.</summary>
    public ImmutableArray<MixRun> Runs { get; }

    /// <summary>The batch as vectors that each ask for one expert.</summary>
    /// <param name="experts">N, the experts of the tensor.</param>
    /// <param name="hasShared">Whether the tensor has <see cref="LoadedTensor.HasShared"/>.</param>
    /// <param name="isAlike">Whether the tensor is one for all experts.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such expert.</exception>
    internal MixExpansion Expand(int experts, bool hasShared, bool isAlike)
    {
        ref MixExpansion? known = ref _expansions[isAlike ? 2 : hasShared ? 1 : 0];
        if (known is null || known.ExpertCount != experts)
        {
            known = new MixExpansion(this, experts, hasShared, isAlike);
        }

        return known;
    }
}
