using System.Runtime.InteropServices;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void ChannelGramsCore(
        DeviceSpan baseValues, ReadOnlySpan<DeviceSpan> experts, long channels, DeviceSpan grams) =>
        Run(
            new GramWork(new ExpertMatrices(Keep([baseValues, .. experts]), channels), grams),
            checked((int)channels));

    protected override void MergeGroupsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        float lambda,
        DeviceSpan table,
        DeviceSpan bank) =>
        Run(
            new MergeGroupsWork(new ExpertMatrices(Keep([baseValues, .. experts]), channels), lambda, table, bank),
            checked((int)channels));

    private static void WriteDouble(double value, DeviceSpan destination, long index)
    {
        ulong bits = double.IsNaN(value) ? 0x7FF8_0000_0000_0000 : BitConverter.DoubleToUInt64Bits(value);
        MemoryMarshal.Write(Bytes(destination, index, 1), bits);
    }

    private readonly struct GramWork(ExpertMatrices matrices, DeviceSpan grams) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            int experts = matrices.Experts;
            Span<double> gram = stackalloc double[experts * experts];
            matrices.FillGram(workspace, part, gram);
            long first = (long)part * gram.Length;
            for (int e = 0; e < experts; e++)
            {
                for (int f = 0; f < experts; f++)
                {
                    // The lower triangle is the one that is there.
                    double value = gram[(Math.Max(e, f) * experts) + Math.Min(e, f)];
                    WriteDouble(value, grams, first + (e * experts) + f);
                }
            }
        }
    }

    private readonly struct MergeGroupsWork(
        ExpertMatrices matrices, float lambda, DeviceSpan table, DeviceSpan bank) : IWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            Span<byte> assignment = stackalloc byte[matrices.Experts];
            Span<long> bankRows = stackalloc long[matrices.Experts];
            int groups = 0;
            for (int expert = 0; expert < assignment.Length; expert++)
            {
                int row = MemoryMarshal.Read<int>(Bytes(table, (expert * matrices.Channels) + part, 1));
                int group = bankRows[..groups].IndexOf(row);
                if (group < 0)
                {
                    group = groups++;
                    bankRows[group] = row;
                }

                assignment[expert] = (byte)group;
            }

            matrices.WriteGroups(workspace, part, assignment, bankRows[..groups], lambda, bank);
        }
    }
}
