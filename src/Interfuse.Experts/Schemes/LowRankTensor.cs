using System.Collections.Immutable;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Schemes;

/// <summary>A loaded tensor that is a shared matrix and thin factors for every expert.</summary>
/// <remarks>
/// <para>
/// Products are factored, so that no expert's matrix is ever made: <c>y = shared x + left (right x)</c>, where each of the
/// three products has the order of <see cref="DeviceQueue.GatherMultiply(in GroupedBank, ReadOnlySpan{int}, DeviceSpan, DeviceSpan)"/>
/// or <see cref="DeviceQueue.MatMul(in GroupedBank, int, DeviceSpan, DeviceSpan)"/>, what is between the factors is F32, and
/// the two halves are added last. They are therefore not the bits of a product with the rows as they are gathered, which
/// were rounded to the tensor's type.
/// </para>
/// <para>
/// Of a mixture only the experts' own parts are weighted, <c>y = ((shared x + w_0 u_0) + w_1 u_1) + ...</c>, since its
/// weights sum to 1: the shared product is computed once for every vector, whatever it asks for.
/// </para>
/// </remarks>
internal sealed class LowRankTensor : LoadedTensor
{
    private readonly LowRankBank _bank;
    private readonly GroupedBank _shared;
    private readonly GroupedBank _left;
    private readonly GroupedBank _right;
    private readonly IReadOnlyList<DeviceBuffer> _buffers;

    /// <summary>Takes what is on a device.</summary>
    /// <param name="spec">The tensor of an expert's model.</param>
    /// <param name="bank">The bank, in the first three buffers.</param>
    /// <param name="buffers">
    /// All buffers, which are given back by this; the last is a table of I32 that leads every row to itself, as long as the
    /// larger of N m and N r.
    /// </param>
    public LowRankTensor(TensorSpec spec, in LowRankBank bank, IReadOnlyList<DeviceBuffer> buffers)
        : base(spec, bank.Experts)
    {
        _bank = bank;
        _buffers = buffers;
        GroupedBank Grouped(DeviceSpan rows, int experts, long channels, long columns) =>
            new(rows, buffers[^1].Span(DType.Int32, experts * channels), experts, channels, columns);

        _shared = Grouped(bank.Shared, 1, bank.Channels, bank.Columns);
        _left = Grouped(bank.Left, bank.Experts, bank.Channels, bank.Rank);
        _right = Grouped(bank.Right, bank.Experts, bank.Rank, bank.Columns);
    }

    public override bool HasShared => true;

    public override void Gather(DeviceQueue queue, int expert, long firstRow, DeviceSpan destination)
    {
        CheckExpert(expert);
        queue.Gather(_bank, expert, firstRow, destination);
    }

    public override void GatherBatch(DeviceQueue queue, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        foreach (ExpertRow request in requests)
        {
            CheckExpert(request.Expert);
        }

        queue.GatherBatch(_bank, requests, destination);
    }

    public override void Multiply(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        CheckExperts(experts, x, y);
        if (experts.IsEmpty)
        {
            return;
        }

        using DeviceBuffer between = queue.Device.Allocate(experts.Length * (long)_bank.Rank * sizeof(float));
        using DeviceBuffer own = queue.Device.Allocate(experts.Length * Matrix.Rows * sizeof(float));
        Multiply(
            queue, experts, x, between.Span(DType.Float32, experts.Length * (long)_bank.Rank),
            own.Span(DType.Float32, y.Length), y);
    }

    public override void Multiply(DeviceQueue queue, MixedBatch batch, DeviceSpan x, DeviceSpan y, MixScratch scratch)
    {
        MixExpansion expansion = Expand(queue, batch, scratch);
        CheckBatch(batch.Count, x, y);
        ReadOnlySpan<int> experts = expansion.Experts;
        if (experts.IsEmpty)
        {
            return;
        }

        DeviceSpan between = scratch.Take(MixScratch.Use.Own, DType.Float32, experts.Length * (long)_bank.Rank);
        DeviceSpan own = scratch.Take(MixScratch.Use.Parts, DType.Float32, experts.Length * Matrix.Rows);
        if (expansion.IsPlain)
        {
            CheckExperts(experts, x, y);
            Multiply(queue, experts, x, between, own, y);
            return;
        }

        DeviceSpan vectors = scratch.Take(MixScratch.Use.Vectors, x.DType, experts.Length * Matrix.Columns);
        expansion.Spread(queue, x, Matrix.Columns, vectors);
        MultiplyShared(queue, batch.Count, x, y);
        MultiplyOwn(queue, experts, vectors, between, own);
        foreach (MixStretch stretch in expansion.Stretches)
        {
            DeviceSpan target = y.Slice(stretch.Start * Matrix.Rows, stretch.Count * Matrix.Rows);
            if (stretch.Weights.Length == 1)
            {
                AddOwn(
                    queue, experts.Slice(stretch.First, stretch.Count), own.Slice(stretch.First * Matrix.Rows, target.Length),
                    target);
                continue;
            }

            // The shared product comes first, and is taken as it is.
            int parts = stretch.Weights.Length + 1;
            Span<DeviceSpan> blocks = scratch.Spans(parts);
            Span<float> weights = scratch.Weights(parts);
            MixExpansion.Blocks(own, stretch, Matrix.Rows, blocks[1..]);
            stretch.Weights.CopyTo(weights[1..]);
            blocks[0] = target;
            weights[0] = 1;
            scratch.AddUp(blocks, weights, target);
        }
    }

    public override void MatMul(DeviceQueue queue, int expert, DeviceSpan x, DeviceSpan y)
    {
        CheckExpert(expert);
        queue.MatMul(_shared, 0, x, y);
        if (expert != SharedExpert && y.Length > 0)
        {
            long vectors = y.Length / Matrix.Rows;
            using DeviceBuffer between = queue.Device.Allocate(vectors * _bank.Rank * sizeof(float));
            using DeviceBuffer own = queue.Device.Allocate(y.ByteLength);
            AddOwn(
                queue, expert, 1, x, between.Span(DType.Float32, vectors * _bank.Rank), own.Span(DType.Float32, y.Length), y);
        }
    }

    public override void MatMul(DeviceQueue queue, ExpertMix mix, DeviceSpan x, DeviceSpan y, MixScratch scratch)
    {
        ImmutableArray<ExpertShare> parts = PartsOf(queue, mix, scratch);
        queue.MatMul(_shared, 0, x, y);
        if (y.Length == 0)
        {
            return;
        }

        DeviceSpan between = scratch.Take(MixScratch.Use.Own, DType.Float32, y.Length / Matrix.Rows * _bank.Rank);
        DeviceSpan own = scratch.Take(MixScratch.Use.Parts, DType.Float32, y.Length);
        foreach (ExpertShare part in parts)
        {
            if (part.Expert != SharedExpert)
            {
                AddOwn(queue, part.Expert, part.Weight, x, between, own, y);
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (DeviceBuffer buffer in _buffers)
        {
            buffer.Dispose();
        }
    }

    private void CheckExperts(ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        CheckBatch(experts.Length, x, y);
        foreach (int expert in experts)
        {
            CheckExpert(expert);
        }
    }

    // Single experts, or the shared matrix.
    private void Multiply(
        DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan between, DeviceSpan own, DeviceSpan y)
    {
        MultiplyShared(queue, experts.Length, x, y);
        MultiplyOwn(queue, experts, x, between, own);
        AddOwn(queue, experts, own, y);
    }

    private void MultiplyShared(DeviceQueue queue, int count, DeviceSpan x, DeviceSpan y)
    {
        Span<int> places = stackalloc int[DeviceQueue.MaxBatch];
        places.Clear();
        for (int start = 0; start < count; start += places.Length)
        {
            int some = Math.Min(places.Length, count - start);
            queue.GatherMultiply(
                _shared, places[..some], Vectors(x, start, some, Matrix.Columns), Vectors(y, start, some, Matrix.Rows));
        }
    }

    // The products with the experts' own parts; where the shared matrix is asked for, there is none.
    private void MultiplyOwn(
        DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan between, DeviceSpan own)
    {
        for (int start = 0; start < experts.Length;)
        {
            int count = Run(experts[start..]);
            int some = Math.Min(count, DeviceQueue.MaxBatch);
            if (experts[start] == SharedExpert)
            {
                start += count;
                continue;
            }

            DeviceSpan inner = Vectors(between, start, some, _bank.Rank);
            queue.GatherMultiply(_right, experts.Slice(start, some), Vectors(x, start, some, Matrix.Columns), inner);
            queue.GatherMultiply(_left, experts.Slice(start, some), inner, Vectors(own, start, some, Matrix.Rows));
            start += some;
        }
    }

    private void AddOwn(DeviceQueue queue, ReadOnlySpan<int> experts, DeviceSpan own, DeviceSpan y)
    {
        for (int start = 0; start < experts.Length;)
        {
            int count = Run(experts[start..]);
            if (experts[start] != SharedExpert)
            {
                DeviceSpan sum = Vectors(y, start, count, Matrix.Rows);
                queue.LinearCombination([sum, Vectors(own, start, count, Matrix.Rows)], [1f, 1f], sum);
            }

            start += count;
        }
    }

    private void AddOwn(
        DeviceQueue queue, int expert, float weight, DeviceSpan x, DeviceSpan between, DeviceSpan own, DeviceSpan y)
    {
        queue.MatMul(_right, expert, x, between);
        queue.MatMul(_left, expert, between, own);
        queue.LinearCombination([y, own], [1f, weight], y);
    }

    // How many at the beginning ask for the shared matrix, or for experts, as the first does.
    private static int Run(ReadOnlySpan<int> experts)
    {
        int count = experts[0] == SharedExpert ? experts.IndexOfAnyExcept(SharedExpert) : experts.IndexOf(SharedExpert);
        return count < 0 ? experts.Length : count;
    }

    private static DeviceSpan Vectors(DeviceSpan all, int start, int count, long columns) =>
        all.Slice(start * columns, count * columns);
}
