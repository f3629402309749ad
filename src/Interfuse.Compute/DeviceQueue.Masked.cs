namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>Makes consecutive rows of one expert of a masked bank: row r of the destination is its row
    /// <c>firstRow + r</c>.</summary>
    /// <remarks>Elements are as <see cref="MaskedBank"/> says; where the mask is 0, NaNs keep their payloads.</remarks>
    /// <param name="bank">The bank.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="firstRow">The first of its rows to make.</param>
    /// <param name="destination">Receives as many rows as it has room for; of the bank's type, disjoint from the
    /// bank.</param>
    /// <exception cref="ArgumentException">
    /// There are no such rows, the destination holds no whole number of them, or types or overlap break the rules.
    /// </exception>
    public void Gather(in MaskedBank bank, int expert, long firstRow, DeviceSpan destination)
    {
        CheckGather(bank.Shape, expert, firstRow, destination, [bank.BaseValues, bank.Unified, bank.Mask, bank.Scales]);
        GatherCore(bank, expert, firstRow, destination);
    }

    /// <summary>Makes rows of several experts of a masked bank, in the order of the requests.</summary>
    /// <remarks>Elements are as <see cref="MaskedBank"/> says; where the mask is 0, NaNs keep their payloads.</remarks>
    /// <param name="bank">The bank.</param>
    /// <param name="requests">Which rows, any number, repeated or not. Read before this returns.</param>
    /// <param name="destination">Receives a row per request; of the bank's type, disjoint from the bank.</param>
    /// <exception cref="ArgumentException">There is no such row, or types, lengths or overlap break the
    /// rules.</exception>
    public void GatherBatch(in MaskedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination)
    {
        CheckGatherBatch(bank.Shape, requests, destination, [bank.BaseValues, bank.Unified, bank.Mask, bank.Scales]);
        GatherBatchCore(bank, requests, destination);
    }

    /// <summary>
    /// Multiplies each vector of a batch by the matrix of its own expert, without ever writing that matrix out:
    /// <c>y[b, i] = sum over j of W[experts[b]][i, j] * x[b, j]</c>. A row of the base and
    /// of the task vector is read from memory once for the whole batch.
    /// </summary>
    /// <remarks>
    /// The rows are those that <see cref="Gather(in MaskedBank, int, long, DeviceSpan)"/> makes, and the order is that of
    /// <see cref="GatherMultiply(in GroupedBank, ReadOnlySpan{int}, DeviceSpan, DeviceSpan)"/>, so that the products
    /// are those of the rows written out, bit for bit.
    /// </remarks>
    /// <param name="bank">The bank, of type BF16, F16, F32 or F64; widened to float32 as elsewhere.</param>
    /// <param name="experts">The expert of each vector, 1 to <see cref="MaxBatch"/> of them. Read before this
    /// returns.</param>
    /// <param name="x">The vectors [B, n], of any float type.</param>
    /// <param name="y">Receives the products [B, m], F32; disjoint from the sources.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types, lengths or overlap break the
    /// rules.</exception>
    public void GatherMultiply(in MaskedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        CheckGatherMultiply(bank.Shape, experts, x, y, [bank.BaseValues, bank.Unified, bank.Mask, bank.Scales]);
        GatherMultiplyCore(bank, experts, x, y);
    }

    /// <summary>
    /// Multiplies many vectors by the matrix of one expert: <c>y[t, i] = sum over j of W[expert][i, j] * x[t, j]</c>.
    /// </summary>
    /// <remarks>
    /// The rows are those that <see cref="Gather(in MaskedBank, int, long, DeviceSpan)"/> makes, and the order is that of
    /// <see cref="MatMul(in GroupedBank, int, DeviceSpan, DeviceSpan)"/>. The bits of a NaN are open.
    /// </remarks>
    /// <param name="bank">The bank, of type BF16, F16, F32 or F64; widened to float32 as elsewhere.</param>
    /// <param name="expert">Whose matrix.</param>
    /// <param name="x">The vectors [T, n], F32, any number of them.</param>
    /// <param name="y">Receives the products [T, m], F32; disjoint from the sources.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types, lengths or overlap break the
    /// rules.</exception>
    public void MatMul(in MaskedBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        if (CheckMatMul(bank.Shape, expert, x, y, [bank.BaseValues, bank.Unified, bank.Mask, bank.Scales]))
        {
            MatMulCore(bank, expert, x, y);
        }
    }

    /// <summary><see cref="Gather(in MaskedBank, int, long, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherCore(in MaskedBank bank, int expert, long firstRow, DeviceSpan destination);

    /// <summary><see cref="GatherBatch(in MaskedBank, ReadOnlySpan{ExpertRow}, DeviceSpan)"/>, checked.</summary>
    protected abstract void GatherBatchCore(
        in MaskedBank bank, ReadOnlySpan<ExpertRow> requests, DeviceSpan destination);

    /// <summary><see cref="GatherMultiply(in MaskedBank, ReadOnlySpan{int}, DeviceSpan, DeviceSpan)"/>,
    /// checked.</summary>
    protected abstract void GatherMultiplyCore(
        in MaskedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y);

    /// <summary><see cref="MatMul(in MaskedBank, int, DeviceSpan, DeviceSpan)"/>, checked.</summary>
    protected abstract void MatMulCore(in MaskedBank bank, int expert, DeviceSpan x, DeviceSpan y);
}
