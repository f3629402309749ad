namespace Interfuse.Compute;

/// <summary>One weight matrix of a base and of some experts, worked on channel by channel, a block at a time.</summary>
/// <param name="inputs">The base's matrix, then the experts'.</param>
/// <param name="channels">How many rows each has.</param>
internal readonly struct ExpertMatrices(DeviceSpan[] inputs, long channels)
{
    private readonly long _columns = inputs[0].Length / channels;

    public int Experts => inputs.Length - 1;

    public long Channels => channels;

    /// <summary>The Gram matrix of a channel's task vectors, the lower triangle of [N, N].</summary>
    public void FillGram(CpuWorkspace workspace, int channel, Span<double> gram)
    {
        gram.Clear();
        long first = channel * _columns;
        for (long start = 0; start < _columns; start += TileGrid.BlockLength)
        {
            int length = (int)Math.Min(_columns - start, TileGrid.BlockLength);
            Rows values = workspace.Widen(inputs, first + start, length);
            Span<float> deltas = workspace.Scratch(Experts);
            for (int expert = 0; expert < Experts; expert++)
            {
                Span<float> delta = deltas.Slice(expert * CpuWorkspace.RowStride, length);
                workspace.Kernels.TaskVector(values[0], values[expert + 1], minimumBits: 0, delta);
            }

            workspace.Kernels.AddGram(new Rows(deltas, Experts, length, CpuWorkspace.RowStride), gram);
        }
    }

    /// <summary>Writes the row of each of a channel's groups.</summary>
    /// <param name="workspace">The thread's own.</param>
    /// <param name="channel">The channel.</param>
    /// <param name="assignment">The group of each expert.</param>
    /// <param name="bankRows">The row of the bank for each group.</param>
    /// <param name="lambda">Scales the mean task vector.</param>
    /// <param name="bank">Receives the rows.</param>
    public void WriteGroups(
        CpuWorkspace workspace,
        int channel,
        ReadOnlySpan<byte> assignment,
        ReadOnlySpan<long> bankRows,
        float lambda,
        DeviceSpan bank)
    {
        long first = channel * _columns;
        Span<byte> members = stackalloc byte[Experts];
        for (long start = 0; start < _columns; start += TileGrid.BlockLength)
        {
            int length = (int)Math.Min(_columns - start, TileGrid.BlockLength);
            Rows values = workspace.Widen(inputs, first + start, length);
            Span<float> mean = workspace.Result(length);
            for (int group = 0; group < bankRows.Length; group++)
            {
                int count = 0;
                for (int expert = 0; expert < Experts; expert++)
                {
                    if (assignment[expert] == group)
                    {
                        members[count++] = (byte)expert;
                    }
                }

                workspace.Kernels.GroupMean(values.From(1), members[..count], values[0], lambda, mean);
                workspace.Store(mean, bank, (bankRows[group] * _columns) + start);
            }
        }
    }
}
