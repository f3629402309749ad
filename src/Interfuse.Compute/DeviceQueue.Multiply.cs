namespace Interfuse.Compute;

public abstract partial class DeviceQueue
{
    /// <summary>The most vectors that <c>GatherMultiply</c> takes at once.</summary>
    public const int MaxBatch = 64;

    /// <summary>
    /// Multiplies each vector of a batch by the matrix of its own expert, without ever writing that matrix out:
    /// <c>y[b, i] = sum over j of W[index[experts[b], i], j] * x[b, j]</c>. A row of the bank is read from memory once,
    /// however many of the batch share it.
    /// </summary>
    /// <remarks>
    /// Here, and only here, multiplication and addition are fused: float32, one rounding to nearest even for both.
    /// Canonical order: element j adds into lane j % 256, which starts at +0, in the order of the elements, as
    /// <c>lane = fma(w, x, lane)</c>. Elements beyond the row's end add nothing. Then lanes 0 to 127 take lanes 128 to
    /// 255
    /// by an ordinary addition, lanes 0 to 63 take 64 to 127, and so on down to lane 0, which takes lane 1. A NaN is
    /// stored as the canonical one.
    /// </remarks>
    /// <param name="bank">The bank, of type BF16, F16, F32 or F64; widened to float32 as elsewhere.</param>
    /// <param name="experts">The expert of each vector, 1 to <see cref="MaxBatch"/> of them. Read before this
    /// returns.</param>
    /// <param name="x">The vectors [B, n], of any float type.</param>
    /// <param name="y">Receives the products [B, m], F32; disjoint from the sources.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types, lengths or overlap break the
    /// rules.</exception>
    public void GatherMultiply(in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y)
    {
        CheckGatherMultiply(bank.Shape, experts, x, y, [bank.Rows, bank.Index]);
        GatherMultiplyCore(bank, experts, x, y);
    }

    /// <summary>
    /// Multiplies many vectors by the matrix of one expert: <c>y[t, i] = sum over j of W[index[expert, i], j] * x[t, j]</c>.
    /// What a decoder does with a prompt, where <c>GatherMultiply</c> is for single tokens.
    /// </summary>
    /// <remarks>
    /// Canonical order: a sum starts at +0 and takes <c>fma(w, x, sum)</c> in the order of the elements, so that a
    /// product is the same whatever else is multiplied with it. The bits of a NaN are open.
    /// </remarks>
    /// <param name="bank">The bank, of type BF16, F16, F32 or F64; widened to float32 as elsewhere.</param>
    /// <param name="expert">Whose matrix.</param>
    /// <param name="x">The vectors [T, n], F32, any number of them.</param>
    /// <param name="y">Receives the products [T, m], F32; disjoint from the sources.</param>
    /// <exception cref="ArgumentException">There is no such expert, or types, lengths or overlap break the
    /// rules.</exception>
    public void MatMul(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y)
    {
        if (CheckMatMul(bank.Shape, expert, x, y, [bank.Rows, bank.Index]))
        {
            MatMulCore(bank, expert, x, y);
        }
    }

    /// <summary><see cref="GatherMultiply(in GroupedBank, ReadOnlySpan{int}, DeviceSpan, DeviceSpan)"/>,
    /// checked.</summary>
    protected abstract void GatherMultiplyCore(
        in GroupedBank bank, ReadOnlySpan<int> experts, DeviceSpan x, DeviceSpan y);

    /// <summary><see cref="MatMul(in GroupedBank, int, DeviceSpan, DeviceSpan)"/>, checked.</summary>
    protected abstract void MatMulCore(in GroupedBank bank, int expert, DeviceSpan x, DeviceSpan y);
}
