using Interfuse.Checkpoints;

namespace Interfuse.Compute;

internal sealed partial class CpuQueue
{
    /// <summary>A part of an elementwise operation.</summary>
    private interface IBlockWork
    {
        /// <summary>Computes up to a block of elements.</summary>
        void Do(CpuWorkspace workspace, long start, int length);
    }

    protected override void ConvertCore(DeviceSpan source, DeviceSpan destination)
    {
        if ((source.DType, destination.DType) is (DType.BFloat16, DType.Float32) or (DType.Float32, DType.BFloat16))
        {
            RunTiles(new FusedConvertWork(source, destination), destination.Length);
        }
        else
        {
            RunBlocks(new ConvertWork(Keep([source]), destination), destination.Length);
        }
    }

    protected override void LinearCombinationCore(
        ReadOnlySpan<DeviceSpan> inputs, ReadOnlySpan<float> weights, DeviceSpan destination)
    {
        if (AreBFloat16(inputs, destination))
        {
            RunTiles(new FusedLinearCombinationWork(Keep(inputs), Keep(weights), destination), destination.Length);
        }
        else
        {
            RunBlocks(new LinearCombinationWork(Keep(inputs), Keep(weights), destination), destination.Length);
        }
    }

    private void RunBlocks<TWork>(TWork work, long elements)
        where TWork : struct, IBlockWork =>
        RunTiles(new TileOfBlocks<TWork>(work, elements), elements);

    private readonly struct TileOfBlocks<TWork>(TWork work, long elements) : IWork
        where TWork : struct, IBlockWork
    {
        public void Do(CpuWorkspace workspace, int part)
        {
            long first = (long)part * TileGrid.TileLength;
            long end = first + TileLength(part, elements);
            for (long start = first; start < end; start += TileGrid.BlockLength)
            {
                work.Do(workspace, start, (int)Math.Min(end - start, TileGrid.BlockLength));
            }
        }
    }

    private readonly struct ConvertWork(DeviceSpan[] source, DeviceSpan destination) : IBlockWork
    {
        public void Do(CpuWorkspace workspace, long start, int length) =>
            workspace.Store(workspace.Widen(source, start, length)[0], destination, start);
    }

    private readonly struct LinearCombinationWork(
        DeviceSpan[] inputs, float[] weights, DeviceSpan destination) : IBlockWork
    {
        public void Do(CpuWorkspace workspace, long start, int length)
        {
            Span<float> result = workspace.Result(length);
            workspace.Kernels.LinearCombination(workspace.Widen(inputs, start, length), weights, result);
            workspace.Store(result, destination, start);
        }
    }
}
