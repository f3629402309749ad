using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Execution;

/// <summary>One thread's work on tiles: read the inputs, widen, compute and narrow block by block, write at the final place.</summary>
/// <remarks>A tile's bytes stay in the second-level cache from the read to the write, a block's float32 values in the first.</remarks>
internal sealed class TileWorker
{
    private readonly CpuKernels _kernels = new();
    private readonly CheckpointWriter _writer;
    private readonly MergeProgress _progress;
    private readonly byte[][] _inputs;
    private readonly byte[] _output;
    private readonly float[] _values;
    private readonly float[] _scratch;
    private readonly float[] _result = new float[TileGrid.BlockLength];
    private readonly uint[] _words = new uint[TileGrid.BlockLength];

    public TileWorker(MergePlan plan, CheckpointWriter writer, MergeProgress progress)
    {
        _writer = writer;
        _progress = progress;
        (int inputs, int inputSize, int outputSize) = BufferSizes(plan);
        _inputs = [.. Enumerable.Range(0, inputs).Select(_ => Buffer(TileGrid.TileLength * inputSize))];
        _output = Buffer(TileGrid.TileLength * outputSize);
        _values = new float[inputs * TileGrid.BlockLength];
        _scratch = new float[inputs * TileGrid.BlockLength];
    }

    /// <summary>Bytes that one worker holds.</summary>
    public static long BytesFor(MergePlan plan)
    {
        (int inputs, int inputSize, int outputSize) = BufferSizes(plan);
        return (TileGrid.TileLength * (((long)inputs * inputSize) + outputSize))
            + (TileGrid.BlockLength * sizeof(float) * ((2L * inputs) + 2));
    }

    /// <summary>Does what the tensor's present pass wants of one tile.</summary>
    public void Run(TensorJob job, int tile)
    {
        long start = (long)tile * TileGrid.TileLength;
        int length = (int)Math.Min(job.Tensor.Output.ElementCount - start, TileGrid.TileLength);
        if (job.Pass is not { } pass)
        {
            Write(job, tile, start, length);
            return;
        }

        if (pass.OneBlockPerTile)
        {
            // A different block in each tile, so that a period in the tensor's layout doesn't meet the sample's.
            int blocks = (length + TileGrid.BlockLength - 1) / TileGrid.BlockLength;
            int offset = tile * 37 % blocks * TileGrid.BlockLength;
            start += offset;
            length = Math.Min(length - offset, TileGrid.BlockLength);
        }

        Read(job, start, length);
        for (int offset = 0; offset < length; offset += TileGrid.BlockLength)
        {
            pass.Visit(BlockAt(job, tile, start, offset, length));
        }
    }

    private void Write(TensorJob job, int tile, long start, int length)
    {
        DType dtype = job.Tensor.Output.DType;
        int size = dtype.Size();
        Read(job, start, length);
        byte[] output = _inputs[0];
        if (job.Merge is { } merge)
        {
            output = _output;
            for (int offset = 0; offset < length; offset += TileGrid.BlockLength)
            {
                Block block = BlockAt(job, tile, start, offset, length);
                Span<float> result = _result.AsSpan(0, block.Length);
                merge.Apply(block, result);
                int nonFinite = _kernels.Narrow(result, dtype, _output.AsSpan(offset * size, block.Length * size));
                if (nonFinite > 0)
                {
                    job.CountNonFinite(nonFinite);
                }
            }
        }

        _writer.Write(job.Index, start * size, output.AsSpan(0, length * size));
        _progress.Wrote((long)length * size);
    }

    private void Read(TensorJob job, long start, int length)
    {
        IReadOnlyList<TensorSource> sources = job.Tensor.Inputs;
        for (int input = 0; input < sources.Count; input++)
        {
            int bytes = length * sources[input].DType.Size();
            sources[input].Read(start, _inputs[input].AsSpan(0, bytes));
            _progress.Read(bytes);
        }
    }

    private Block BlockAt(TensorJob job, int tile, long start, int offset, int tileLength)
    {
        IReadOnlyList<TensorSource> sources = job.Tensor.Inputs;
        int length = Math.Min(tileLength - offset, TileGrid.BlockLength);
        for (int input = 0; input < sources.Count; input++)
        {
            DType dtype = sources[input].DType;
            _kernels.Widen(
                _inputs[input].AsSpan(offset * dtype.Size(), length * dtype.Size()),
                dtype,
                _values.AsSpan(input * TileGrid.BlockLength, length));
        }

        return new Block
        {
            Kernels = _kernels,
            Tile = tile,
            Start = start + offset,
            Inputs = new Rows(_values, sources.Count, length, TileGrid.BlockLength),
            Scratch = _scratch,
            Words = _words,
        };
    }

    private static (int Inputs, int InputSize, int OutputSize) BufferSizes(MergePlan plan) => (
        plan.Tensors.Max(tensor => tensor.Inputs.Count),
        plan.Tensors.Max(tensor => tensor.Inputs.Max(input => input.DType.Size())),
        plan.Tensors.Max(tensor => tensor.Output.DType.Size()));

    // Pinned, so that the collector never moves a buffer that the system is filling.
    private static byte[] Buffer(int length) => GC.AllocateUninitializedArray<byte>(length, pinned: true);
}
