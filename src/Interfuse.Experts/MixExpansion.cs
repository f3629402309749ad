using System.Collections.Immutable;
using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>A stretch of a batch as it is expanded.</summary>
/// <param name="Start">Its first vector in the batch.</param>
/// <param name="Count">Its vectors there.</param>
/// <param name="First">Its first vector in the expanded batch; there it has a block of Count vectors per weight, one block
/// after the other.</param>
/// <param name="Weights">What the blocks are multiplied by; a single weight is 1.</param>
internal readonly record struct MixStretch(int Start, int Count, int First, float[] Weights);

/// <summary>
/// A batch of mixtures as a batch of experts: a vector stands in it once for every expert of its mixture, and what comes of
/// those is added up by weight.
/// </summary>
internal sealed class MixExpansion
{
    private readonly int[] _experts;

    public MixExpansion(MixedBatch batch, int experts, bool hasShared, bool isAlike)
    {
        ExpertCount = experts;
        var expanded = new List<int>();
        var stretches = new List<MixStretch>();
        foreach ((ExpertMix mix, int start, int count) in batch.Runs)
        {
            ImmutableArray<ExpertShare> parts = mix.PartsOf(experts, hasShared, isAlike);
            int first = expanded.Count;
            foreach (ExpertShare part in parts)
            {
                expanded.AddRange(Enumerable.Repeat(part.Expert, count));
            }

            // Experts alone that follow one another lie there as they do in the batch.
            if (parts.Length == 1 && stretches is [.., { Weights.Length: 1 } last])
            {
                stretches[^1] = last with { Count = last.Count + count };
            }
            else
            {
                stretches.Add(new MixStretch(start, count, first, [.. parts.Select(part => part.Weight)]));
            }
        }

        _experts = [.. expanded];
        Stretches = [.. stretches];
        IsPlain = expanded.Count == batch.Count;
    }

    /// <summary>The experts of the tensor that this is for.</summary>
    public int ExpertCount { get; }

    /// <summary>The expert of each vector of the expanded batch.</summary>
    public ReadOnlySpan<int> Experts => _experts;

    /// <summary>Where the batch's vectors are.</summary>
    public ImmutableArray<MixStretch> Stretches { get; }

    /// <summary>Whether nothing is expanded: every vector asks for one expert, and the batches are the same.</summary>
    public bool IsPlain { get; }

    /// <summary>Copies a batch's vectors to all their places.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="x">[B, n].</param>
    /// <param name="columns">n.</param>
    /// <param name="expanded">Receives [B', n].</param>
    public void Spread(DeviceQueue queue, DeviceSpan x, long columns, DeviceSpan expanded)
    {
        foreach (MixStretch stretch in Stretches)
        {
            DeviceSpan vectors = x.Slice(stretch.Start * columns, stretch.Count * columns);
            for (int part = 0; part < stretch.Weights.Length; part++)
            {
                queue.Copy(vectors, Block(expanded, stretch, part, columns));
            }
        }
    }

    /// <summary>Adds up what came of the parts of each mixture: one rounding to the destination's type at the end.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="expanded">[B', m].</param>
    /// <param name="columns">m.</param>
    /// <param name="destination">Receives [B, m].</param>
    /// <param name="scratch">Memory.</param>
    public void Combine(DeviceQueue queue, DeviceSpan expanded, long columns, DeviceSpan destination, MixScratch scratch)
    {
        foreach (MixStretch stretch in Stretches)
        {
            DeviceSpan target = destination.Slice(stretch.Start * columns, stretch.Count * columns);
            if (stretch.Weights.Length == 1)
            {
                queue.Copy(Block(expanded, stretch, 0, columns), target);
            }
            else
            {
                scratch.AddUp(Blocks(expanded, stretch, columns, scratch), stretch.Weights, target);
            }
        }
    }

    /// <summary>The blocks of a stretch, one for each of its weights.</summary>
    public static Span<DeviceSpan> Blocks(DeviceSpan expanded, MixStretch stretch, long columns, MixScratch scratch)
    {
        Span<DeviceSpan> blocks = scratch.Spans(stretch.Weights.Length);
        Blocks(expanded, stretch, columns, blocks);
        return blocks;
    }

    /// <summary>Writes down the blocks of a stretch, one for each of its weights.</summary>
    public static void Blocks(DeviceSpan expanded, MixStretch stretch, long columns, Span<DeviceSpan> blocks)
    {
        for (int part = 0; part < blocks.Length; part++)
        {
            blocks[part] = Block(expanded, stretch, part, columns);
        }
    }

    private static DeviceSpan Block(DeviceSpan expanded, MixStretch stretch, int part, long columns) =>
        expanded.Slice((stretch.First + ((long)part * stretch.Count)) * columns, stretch.Count * columns);
}
