using System.Collections.Immutable;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts;

// Mixtures by the operations on single experts, so that every scheme has them.
public abstract partial class LoadedTensor
{
    // What stands for the shared model where there is none.
    private ExpertMix? _uniform;

    /// <summary>Copies consecutive rows of a mixture, as many as the destination has room for.</summary>
    /// <remarks>
    /// Row i is <c>sum of w_k * (row i of expert k)</c>, in the order of <see cref="ExpertMix"/>. Of a type without
    /// arithmetic all experts' rows must be the same.
    /// </remarks>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="mix">The mixture.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="destination">Receives whole rows; of the tensor's type.</param>
    /// <param name="scratch">Memory of this queue.</param>
    /// <exception cref="ArgumentException">There are no such rows, or the destination is unfit.</exception>
    /// <exception cref="InterfuseException">The experts' rows differ, and their type has no arithmetic.</exception>
    public void Gather(DeviceQueue queue, ExpertMix mix, long firstRow, DeviceSpan destination, MixScratch scratch)
    {
        ImmutableArray<ExpertShare> parts = PartsOf(queue, mix, scratch);
        if (parts.Length == 1)
        {
            Gather(queue, parts[0].Expert, firstRow, destination);
            return;
        }

        DeviceSpan all = scratch.Take(MixScratch.Use.Parts, destination.DType, parts.Length * destination.Length);
        Span<DeviceSpan> rows = scratch.Spans(parts.Length);
        Span<float> weights = scratch.Weights(parts.Length);
        for (int part = 0; part < parts.Length; part++)
        {
            rows[part] = all.Slice(part * destination.Length, destination.Length);
            weights[part] = parts[part].Weight;
            Gather(queue, parts[part].Expert, firstRow, rows[part]);
        }

        if (Spec.DType.IsArithmetic())
        {
            scratch.AddUp(rows, weights, destination);
        }
        else
        {
            CopySame(queue, rows, destination);
        }
    }

    /// <summary>Copies rows of several mixtures, in the order of the batch.</summary>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="batch">Whose rows.</param>
    /// <param name="rows">Which row of each, repeated or not.</param>
    /// <param name="destination">Receives a row of each; of the tensor's type.</param>
    /// <param name="scratch">Memory of this queue.</param>
    /// <exception cref="ArgumentException">There is no such expert or row, or lengths are unfit.</exception>
    /// <exception cref="InterfuseException">The experts' rows differ, and their type has no arithmetic.</exception>
    public void GatherBatch(
        DeviceQueue queue, MixedBatch batch, ReadOnlySpan<long> rows, DeviceSpan destination, MixScratch scratch)
    {
        MixExpansion expansion = Expand(queue, batch, scratch);
        if (rows.Length != batch.Count || destination.Length != batch.Count * Matrix.Columns)
        {
            throw new ArgumentException(
                $"A batch of {batch.Count} takes as many rows of {Matrix.Columns}; there are {rows.Length}, and room for "
                + $"{destination.Length} elements.",
                nameof(rows));
        }

        Span<ExpertRow> requests = scratch.Rows(expansion.Experts.Length);
        foreach (MixStretch stretch in expansion.Stretches)
        {
            for (int i = 0; i < stretch.Weights.Length * stretch.Count; i++)
            {
                int place = stretch.First + i;
                requests[place] = new ExpertRow(expansion.Experts[place], rows[stretch.Start + (i % stretch.Count)]);
            }
        }

        if (expansion.IsPlain)
        {
            GatherBatch(queue, requests, destination);
            return;
        }

        DeviceSpan all = scratch.Take(
            MixScratch.Use.Parts, destination.DType, requests.Length * Matrix.Columns);
        GatherBatch(queue, requests, all);
        if (Spec.DType.IsArithmetic())
        {
            expansion.Combine(queue, all, Matrix.Columns, destination, scratch);
            return;
        }

        foreach (MixStretch stretch in expansion.Stretches)
        {
            Span<DeviceSpan> blocks = MixExpansion.Blocks(all, stretch, Matrix.Columns, scratch);
            CopySame(queue, blocks, destination.Slice(stretch.Start * Matrix.Columns, stretch.Count * Matrix.Columns));
        }
    }

    /// <summary>Multiplies each vector of a batch by the matrix of its own mixture, which is never written out.</summary>
    /// <remarks>
    /// The vector is multiplied by each expert's matrix as <see cref="Multiply(DeviceQueue, ReadOnlySpan{int}, DeviceSpan, DeviceSpan)"/>
    /// has it, all of the batch together, so that a row that experts share is still read once; then
    /// <c>y = ((w_0 * y_0) + w_1 * y_1) + ...</c>. A vector's product depends on nothing else in the batch.
    /// </remarks>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="batch">What each vector is multiplied by.</param>
    /// <param name="x">The vectors [B, n], of any float type.</param>
    /// <param name="y">Receives the products [B, m], F32.</param>
    /// <param name="scratch">Memory of this queue.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types or lengths are unfit.</exception>
    public virtual void Multiply(DeviceQueue queue, MixedBatch batch, DeviceSpan x, DeviceSpan y, MixScratch scratch)
    {
        MixExpansion expansion = Expand(queue, batch, scratch);
        if (expansion.IsPlain)
        {
            Multiply(queue, expansion.Experts, x, y);
            return;
        }

        CheckBatch(batch.Count, x, y);
        int count = expansion.Experts.Length;
        DeviceSpan vectors = scratch.Take(MixScratch.Use.Vectors, x.DType, count * Matrix.Columns);
        DeviceSpan products = scratch.Take(MixScratch.Use.Parts, DType.Float32, count * Matrix.Rows);
        expansion.Spread(queue, x, Matrix.Columns, vectors);
        Multiply(queue, expansion.Experts, vectors, products);
        expansion.Combine(queue, products, Matrix.Rows, y, scratch);
    }

    /// <summary>
    /// Multiplies many vectors by a mixture's matrix, which is never written out: each expert's as
    /// <see cref="MatMul(DeviceQueue, int, DeviceSpan, DeviceSpan)"/> has it, then
    /// <c>y = ((w_0 * y_0) + w_1 * y_1) + ...</c>.
    /// </summary>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="mix">The mixture.</param>
    /// <param name="x">The vectors [T, n], F32.</param>
    /// <param name="y">Receives the products [T, m], F32.</param>
    /// <param name="scratch">Memory of this queue.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types or lengths are unfit.</exception>
    public virtual void MatMul(DeviceQueue queue, ExpertMix mix, DeviceSpan x, DeviceSpan y, MixScratch scratch)
    {
        ImmutableArray<ExpertShare> parts = PartsOf(queue, mix, scratch);
        MatMul(queue, parts[0].Expert, x, y);
        if (parts.Length == 1 || y.Length == 0)
        {
            return;
        }

        // Where the sum so far is an input, it is multiplied by 1, which changes nothing.
        DeviceSpan product = scratch.Take(MixScratch.Use.Parts, DType.Float32, y.Length);
        float weight = parts[0].Weight;
        for (int part = 1; part < parts.Length; part++)
        {
            MatMul(queue, parts[part].Expert, x, product);
            queue.LinearCombination([y, product], [weight, parts[part].Weight], y);
            weight = 1;
        }
    }

    internal static InterfuseException NoArithmetic(TensorSpec tensor) => new(
        $"The tensor '{tensor.Name}' is of {tensor.DType.SafetensorsName()}, which can't be added up, and the experts of the "
        + "mixture have different values of it; choose a single expert.");

    /// <summary>What a mixture's tensor is the sum of.</summary>
    private protected ImmutableArray<ExpertShare> PartsOf(DeviceQueue queue, ExpertMix mix, MixScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(mix);
        CheckScratch(queue, scratch);
        return mix.IsShared && !HasShared && !IsAlike
            ? (_uniform ??= ExpertMix.Uniform(ExpertCount)).Parts
            : mix.PartsOf(ExpertCount, HasShared, IsAlike);
    }

    /// <summary>A batch as one of single experts.</summary>
    private protected MixExpansion Expand(DeviceQueue queue, MixedBatch batch, MixScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        CheckScratch(queue, scratch);
        return batch.Expand(ExpertCount, HasShared, IsAlike);
    }

    /// <summary>Refuses vectors and products that are not those of a batch.</summary>
    private protected void CheckBatch(int count, DeviceSpan x, DeviceSpan y)
    {
        if (x.Length != count * Matrix.Columns || y.Length != count * Matrix.Rows)
        {
            throw new ArgumentException(
                $"A batch of {count} takes as many vectors of {Matrix.Columns} and gives as many of {Matrix.Rows}; "
                + $"there are {x.Length} and {y.Length} elements.",
                nameof(x));
        }
    }

    private static void CheckScratch(DeviceQueue queue, MixScratch scratch)
    {
        ArgumentNullException.ThrowIfNull(queue);
        ArgumentNullException.ThrowIfNull(scratch);
        if (scratch.Queue != queue)
        {
            throw new ArgumentException("The scratch memory belongs to another queue.", nameof(scratch));
        }
    }

    // Copies the first of several that must be the same.
    private void CopySame(DeviceQueue queue, ReadOnlySpan<DeviceSpan> rows, DeviceSpan destination)
    {
        queue.Copy(rows[0], destination);
        if (rows.Length > 1 && !AreSame(queue, rows))
        {
            throw NoArithmetic(Spec);
        }
    }

    private static bool AreSame(DeviceQueue queue, ReadOnlySpan<DeviceSpan> rows)
    {
        byte[] first = new byte[rows[0].ByteLength];
        byte[] other = new byte[first.Length];
        queue.Download(rows[0], first);
        for (int row = 1; row < rows.Length; row++)
        {
            queue.Download(rows[row], other);
            if (!other.AsSpan().SequenceEqual(first))
            {
                return false;
            }
        }

        return true;
    }
}
