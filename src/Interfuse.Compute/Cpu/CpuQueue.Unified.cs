using System.Runtime.InteropServices;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void ElectUnifiedCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        DeviceSpan unified,
        DeviceSpan masks,
        DeviceSpan sums) =>
        Run(
            new UnifiedWork(Keep([baseValues, .. experts]), channels, unified, masks, sums), checked((int)channels));

    private readonly struct UnifiedWork(
        DeviceSpan[] inputs, long channels, DeviceSpan unified, DeviceSpan masks, DeviceSpan sums) : IWork
    {
        private readonly long _columns = unified.Length / channels;

        public void Do(CpuWorkspace workspace, int part)
        {
            int experts = inputs.Length - 1;
            Span<AgreementSums> rowSums = stackalloc AgreementSums[experts];
            rowSums.Clear();
            for (long start = 0; start < _columns; start += TileGrid.BlockLength)
            {
                int length = (int)Math.Min(_columns - start, TileGrid.BlockLength);
                long first = (part * _columns) + start;
                Rows values = workspace.Widen(inputs, first, length);
                Span<float> elected = workspace.Result(length);
                workspace.Kernels.ElectUnified(values[0], values.From(1), elected);
                workspace.Store(elected, unified, first);

                // What was stored is what counts.
                workspace.Kernels.Widen(Bytes(unified, first, length), unified.DType, elected);
                for (int expert = 0; expert < experts; expert++)
                {
                    Span<uint> mask = workspace.Words(1)[..(int)MaskedBank.Words(length)];
                    rowSums[expert] += Sum(workspace, values[0], values[expert + 1], elected, mask);
                    long row = (expert * channels) + part;
                    long word = (row * MaskedBank.Words(_columns)) + (start / MaskedBank.ColumnsPerWord);
                    MemoryMarshal.AsBytes(mask).CopyTo(Bytes(masks, word, mask.Length));
                }
            }

            for (int expert = 0; expert < experts; expert++)
            {
                Write(rowSums[expert], ((long)part * experts) + expert);
            }
        }

        private static AgreementSums Sum(
            CpuWorkspace workspace,
            ReadOnlySpan<float> baseValues,
            ReadOnlySpan<float> expert,
            ReadOnlySpan<float> elected,
            Span<uint> mask)
        {
            Span<float> delta = workspace.Scratch(2)[..elected.Length];
            Span<float> agreed = workspace.Scratch(2).Slice(CpuWorkspace.RowStride, elected.Length);
            workspace.Kernels.Agreement(baseValues, expert, elected, delta, agreed, mask);
            return workspace.Kernels.SumAgreement(delta, agreed);
        }

        private void Write(AgreementSums row, long index)
        {
            long place = index * AgreementSums.Count;
            WriteDouble(row.Delta, sums, place);
            WriteDouble(row.Agreed, sums, place + 1);
            WriteDouble(row.DeltaEnergy, sums, place + 2);
            WriteDouble(row.AgreedEnergy, sums, place + 3);
            WriteDouble(row.Product, sums, place + 4);
        }
    }
}
