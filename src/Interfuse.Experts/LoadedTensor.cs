using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts;

/// <summary>A tensor of a model, or of all experts of a pack, on a device: looked up and computed with there.</summary>
/// <remarks>
/// Of what experts have in common there is one copy. It outlives the file it came from, and belongs to its device.
/// Any queue of the device may use it; its operations are queued as those of <see cref="DeviceQueue"/> are. A scheme gives
/// the operations on single experts, where <see cref="SharedExpert"/> counts as one if it <see cref="HasShared"/>; those on
/// mixtures follow from them.
/// </remarks>
/// <param name="spec">The tensor of an expert's model.</param>
/// <param name="experts">How many experts there are; 1 for a plain model.</param>
public abstract partial class LoadedTensor(TensorSpec spec, int experts) : IDisposable
{
    /// <summary>What stands for an expert where the model is meant that the experts share, see
    /// <see cref="HasShared"/>.</summary>
    public const int SharedExpert = -1;

    /// <summary>The tensor of an expert's model.</summary>
    public TensorSpec Spec { get; } = spec;

    /// <summary>It as a matrix: m rows (channels) of n elements.</summary>
    public TensorMatrix Matrix { get; } = TensorMatrix.Of(spec.Shape);

    /// <summary>N, the experts; 1 for a plain model.</summary>
    public int ExpertCount { get; } = experts;

    /// <summary>
    /// Whether the scheme keeps a matrix that the experts share, which every operation takes
    /// <see cref="SharedExpert"/> for. Elsewhere the uniform mixture of the experts stands for it.
    /// </summary>
    public virtual bool HasShared => false;

    /// <summary>Whether the tensor is one for all experts, and so for every mixture.</summary>
    public virtual bool IsAlike => ExpertCount == 1;

    /// <summary>Copies consecutive rows of one expert, as many as the destination has room for.</summary>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="expert">The expert, by its place in <see cref="ExpertPack.Experts"/>; 0 for a plain model.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="destination">Receives whole rows; of the tensor's type.</param>
    /// <exception cref="ArgumentException">There are no such rows, or the destination is unfit.</exception>
    public abstract void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination);

    /// <summary>Copies rows of several experts, in the order of the requests.</summary>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="requests">Which rows, any number, repeated or not.</param>
    /// <param name="destination">Receives a row per request; of the tensor's type.</param>
    /// <exception cref="ArgumentException">There is no such row, or the destination is unfit.</exception>
    public abstract void GatherBatch(DeviceQueue queue, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination);

    /// <summary>
    /// Multiplies each vector of a batch by its own expert's matrix [m, n], which is never written out:
    /// <c>y[b, i] = sum over j of W[experts[b]][i, j] * x[b, j]</c>, as <c>DeviceQueue.GatherMultiply</c> has it.
    /// </summary>
    /// <remarks>
    /// A row that experts share is read once for every <see cref="DeviceQueue.MaxBatch"/> vectors of the batch.
    /// </remarks>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="experts">The expert of each vector, any number of them.</param>
    /// <param name="x">The vectors [B, n], of any float type.</param>
    /// <param name="y">Receives the products [B, m], F32.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types or lengths are unfit.</exception>
    public abstract void Multiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y);

    /// <summary>
    /// Multiplies many vectors by one expert's matrix [m, n], which is never written out:
    /// <c>y[t, i] = sum over j of W[expert][i, j] * x[t, j]</c>, as <c>DeviceQueue.MatMul</c> has it.
    /// </summary>
    /// <param name="queue">A queue of the device.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="x">The vectors [T, n], F32.</param>
    /// <param name="y">Receives the products [T, m], F32.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types or lengths are unfit.</exception>
    public abstract void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the device's memory back; nothing queued may use it any more.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Refuses an expert that the pack does not have.</summary>
    protected void CheckExpert(int expert)
    {
        if (expert < (HasShared ? SharedExpert : 0) || expert >= ExpertCount)
        {
            throw new ArgumentOutOfRangeException(
                nameof(expert), expert, $"There is no expert {expert} among {ExpertCount}.");
        }
    }
}
