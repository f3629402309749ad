using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Selection;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Planning;

namespace Interfuse.Merging.Execution;

/// <summary>One thread's work on tiles: read the inputs, compute on the device, write at the final place.</summary>
/// <remarks>
/// Each worker has a queue of the device and buffers of its own, so while one waits for a disk another's bytes travel to the
/// device and a third one's are computed. On the processor the buffers are the device's memory: a tile's bytes stay in the
/// second-level cache from the read to the write.
/// </remarks>
internal sealed class TileWorker : IDisposable
{
    private readonly CheckpointWriter _writer;
    private readonly MergeProgress _progress;
    private readonly DeviceQueue _queue;
    private readonly TransferBuffer[] _inputs;
    private readonly TransferBuffer _output;
    private readonly DeviceSpan[] _spans;
    private readonly uint[] _words;

    public TileWorker(MergePlan plan, Device device, CheckpointWriter writer, MergeProgress progress)
    {
        _writer = writer;
        _progress = progress;
        (int inputs, int inputSize, int outputSize) = ElementSizes(plan);
        int elements = StepLength(plan, device);
        _queue = device.CreateQueue();
        _inputs = new TransferBuffer[inputs];
        _spans = new DeviceSpan[inputs];
        _words = new uint[elements];
        try
        {
            for (int input = 0; input < inputs; input++)
            {
                _inputs[input] = device.AllocateTransfer(elements * inputSize);
            }

            _output = device.AllocateTransfer(elements * outputSize);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the host's memory that one worker holds.</summary>
    public static long BytesFor(MergePlan plan, Device device)
    {
        (int inputs, int inputSize, int outputSize) = ElementSizes(plan);
        return (StepLength(plan, device) * (((long)inputs * inputSize) + outputSize + sizeof(uint)))
            + (TileGrid.BlockLength * sizeof(float) * ((2L * inputs) + 2));
    }

    /// <summary>Does what the tensor's present pass wants of some tiles.</summary>
    public void Run(TensorJob job, TileRun tiles)
    {
        long start = (long)tiles.First * TileGrid.TileLength;
        int length = (int)Math.Min(job.Tensor.Output.ElementCount - start, (long)tiles.Count * TileGrid.TileLength);
        if (job.Pass is not { } pass)
        {
            Write(job, tiles.First, start, length);
            return;
        }

        if (pass.OneBlockPerTile)
        {
            int offset = SamplePlan.BlockStart(tiles.First, length);
            start += offset;
            length = Math.Min(length - offset, TileGrid.BlockLength);
        }

        Read(job, start, length);
        pass.Visit(ChunkAt(job, tiles.First, start, length));
    }

    /// <summary>Waits for the device and gives the buffers back.</summary>
    public void Dispose()
    {
        _queue.Dispose();
        foreach (TransferBuffer? input in _inputs)
        {
            input?.Dispose();
        }

        _output?.Dispose();
    }

    private void Write(TensorJob job, int tile, long start, int length)
    {
        int size = job.Tensor.Output.DType.Size();
        Read(job, start, length);
        Span<byte> output = _inputs[0].Host;
        if (job.Merge is { } merge)
        {
            merge.Apply(ChunkAt(job, tile, start, length), _output.Span(job.Tensor.Output.DType, length));
            _queue.Download(_output, length * size);
            output = _output.Host;

            // Waits for the download too.
            job.CountNonFinite(_queue.TakeNonFinite());
        }

        _writer.Write(job.Index, start * size, output[..(length * size)]);
        _progress.Wrote((long)length * size);
    }

    private void Read(TensorJob job, long start, int length)
    {
        IReadOnlyList<TensorSource> sources = job.Tensor.Inputs;
        for (int input = 0; input < sources.Count; input++)
        {
            int bytes = length * sources[input].DType.Size();
            sources[input].Read(start, _inputs[input].Host[..bytes]);
            _progress.Read(bytes);
        }
    }

    private Chunk ChunkAt(TensorJob job, int tile, long start, int length)
    {
        IReadOnlyList<TensorSource> sources = job.Tensor.Inputs;
        for (int input = 0; input < sources.Count; input++)
        {
            DType dtype = sources[input].DType;
            _queue.Upload(_inputs[input], length * dtype.Size());
            _spans[input] = _inputs[input].Span(dtype, length);
        }

        return new Chunk
        {
            Queue = _queue,
            FirstTile = tile,
            Start = start,
            Inputs = _spans.AsSpan(0, sources.Count),
            Words = _words.AsSpan(0, length),
        };
    }

    // No more than the largest tensor needs.
    private static int StepLength(MergePlan plan, Device device) => (int)Math.Min(
        (long)device.TilesPerStep * TileGrid.TileLength,
        plan.Tensors.Max(tensor => tensor.Output.ElementCount));

    private static (int Inputs, int InputSize, int OutputSize) ElementSizes(MergePlan plan) => (
        plan.Tensors.Max(tensor => tensor.Inputs.Count),
        plan.Tensors.Max(tensor => tensor.Inputs.Max(input => input.DType.Size())),
        plan.Tensors.Max(tensor => tensor.Output.DType.Size()));
}
