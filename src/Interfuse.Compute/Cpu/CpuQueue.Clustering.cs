using System.Runtime.InteropServices;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    protected override void ClusterChannelsCore(
        DeviceSpan baseValues,
        ReadOnlySpan<DeviceSpan> experts,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies) =>
        Run(
            new ClusterWork(Keep([baseValues, .. experts]), channels, clustering, bank, groups, energies),
            checked((int)channels));

    private readonly struct ClusterWork(
        DeviceSpan[] inputs,
        long channels,
        ChannelClustering clustering,
        DeviceSpan bank,
        DeviceSpan groups,
        DeviceSpan energies) : IWork
    {
        private readonly int _experts = inputs.Length - 1;
        private readonly long _columns = inputs[0].Length / channels;

        public void Do(CpuWorkspace workspace, int part)
        {
            Span<double> gram = stackalloc double[_experts * _experts];
            FillGram(workspace, part, gram);
            Span<byte> assignment = stackalloc byte[_experts];
            ChannelPartition.Best(gram, _experts, clustering.Groups, clustering.Similarity, assignment);
            for (int expert = 0; expert < _experts; expert++)
            {
                Bytes(groups, (expert * channels) + part, 1)[0] = assignment[expert];
            }

            (double total, double lost) =
                ChannelPartition.Energies(gram, _experts, clustering.Groups, assignment);
            WriteDouble(total, 2L * part);
            WriteDouble(lost, (2L * part) + 1);
            WriteRows(workspace, part, assignment);
        }

        private void FillGram(CpuWorkspace workspace, int channel, Span<double> gram)
        {
            gram.Clear();
            long first = channel * _columns;
            for (long start = 0; start < _columns; start += TileGrid.BlockLength)
            {
                int length = (int)Math.Min(_columns - start, TileGrid.BlockLength);
                Rows values = workspace.Widen(inputs, first + start, length);
                Span<float> deltas = workspace.Scratch(_experts);
                for (int expert = 0; expert < _experts; expert++)
                {
                    workspace.Kernels.TaskVector(
                        values[0], values[expert + 1], minimumBits: 0, deltas.Slice(expert * CpuWorkspace.RowStride, length));
                }

                workspace.Kernels.AddGram(new Rows(deltas, _experts, length, CpuWorkspace.RowStride), gram);
            }
        }

        // The channel's rows are read a second time, from the cache.
        private void WriteRows(CpuWorkspace workspace, int channel, ReadOnlySpan<byte> assignment)
        {
            long first = channel * _columns;
            Span<byte> members = stackalloc byte[_experts];
            for (long start = 0; start < _columns; start += TileGrid.BlockLength)
            {
                int length = (int)Math.Min(_columns - start, TileGrid.BlockLength);
                Rows values = workspace.Widen(inputs, first + start, length);
                Span<float> mean = workspace.Result(length);
                for (int group = 0; group < clustering.Groups; group++)
                {
                    int count = 0;
                    for (int expert = 0; expert < _experts; expert++)
                    {
                        if (assignment[expert] == group)
                        {
                            members[count++] = (byte)expert;
                        }
                    }

                    workspace.Kernels.GroupMean(values.From(1), members[..count], values[0], clustering.Lambda, mean);
                    workspace.Store(mean, bank, (group * inputs[0].Length) + first + start);
                }
            }
        }

        private void WriteDouble(double value, long index)
        {
            ulong bits = double.IsNaN(value) ? 0x7FF8_0000_0000_0000 : BitConverter.DoubleToUInt64Bits(value);
            MemoryMarshal.Write(Bytes(energies, index, 1), bits);
        }
    }
}
