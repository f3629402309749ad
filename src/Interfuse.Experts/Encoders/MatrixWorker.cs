using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Merging.Execution;
using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Encoders;

/// <summary>One thread's work on chunks: reads the models' rows and computes on the device.</summary>
internal sealed class MatrixWorker : IDisposable
{
    private readonly MergeProgress _progress;
    private readonly DeviceQueue _queue;
    private readonly TransferBuffer[] _inputs;
    private readonly TransferBuffer _grams;
    private readonly TransferBuffer _table;
    private readonly TransferBuffer _bank;
    private readonly DeviceSpan[] _spans;
    private readonly DotProducts[] _tiles;
    private int _bytesEach;

    public MatrixWorker(PackPlan plan, IReadOnlyList<MatrixChunk> chunks, Device device, MergeProgress progress)
    {
        _progress = progress;
        int experts = plan.Experts.Count;
        (int elements, int rows, int size) = Largest(plan, chunks);
        _queue = device.CreateQueue();
        _inputs = new TransferBuffer[experts + 1];
        _spans = new DeviceSpan[experts + 1];
        _tiles = new DotProducts[TileGrid.TileCount(elements)];
        try
        {
            for (int input = 0; input < _inputs.Length; input++)
            {
                _inputs[input] = device.AllocateTransfer(checked(elements * size));
            }

            _grams = device.AllocateTransfer(checked(rows * experts * experts * sizeof(double)));
            _table = device.AllocateTransfer(checked(rows * experts * sizeof(int)));
            _bank = device.AllocateTransfer(checked(elements * size * experts));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the host's memory that one worker holds.</summary>
    public static long BytesFor(PackPlan plan, IReadOnlyList<MatrixChunk> chunks)
    {
        (int elements, int rows, int size) = Largest(plan, chunks);
        long experts = plan.Experts.Count;
        return (elements * size * ((2 * experts) + 1)) + (rows * experts * ((experts * sizeof(double)) + sizeof(int)));
    }

    /// <summary>Reads a chunk of the base and of every expert, and hands it to the device.</summary>
    public void Read(PlannedMatrix matrix, MatrixChunk chunk)
    {
        long start = chunk.FirstRow * matrix.Columns;
        int length = checked((int)(chunk.Rows * matrix.Columns));
        for (int input = 0; input < matrix.Inputs.Count; input++)
        {
            TensorSource source = matrix.Inputs[input];
            int bytes = length * source.DType.Size();
            source.Read(start, _inputs[input].Host[..bytes]);
            _queue.Upload(_inputs[input], bytes);
            _spans[input] = _inputs[input].Span(source.DType, length);
            _progress.Read(bytes);
        }

        _bytesEach = length * matrix.Inputs[0].DType.Size();
    }

    /// <summary>The bytes read of the first input: the base's, or those to copy.</summary>
    public ReadOnlySpan<byte> BaseBytes => _inputs[0].Host[.._bytesEach];

    /// <summary>The Gram matrices of the chunk's channels, [rows, N, N].</summary>
    public ReadOnlySpan<double> Grams(int rows)
    {
        int length = rows * Experts.Length * Experts.Length;
        _queue.ChannelGrams(_spans[0], Experts, rows, _grams.Span(DType.Float64, length));
        _queue.Download(_grams, length * sizeof(double));
        _queue.Synchronize();
        return MemoryMarshal.Cast<byte, double>(_grams.Host)[..length];
    }

    /// <summary>The squared norm of the chunk of the base.</summary>
    public double BaseEnergy()
    {
        Span<DotProducts> tiles = _tiles.AsSpan(0, TileGrid.TileCount(_spans[0].Length));
        _queue.Dot(_spans[0], _spans[0], tiles);
        double energy = 0;
        foreach (DotProducts tile in tiles)
        {
            energy += tile.AA;
        }

        return energy;
    }

    /// <summary>Whether two experts' values of a unit are the same bytes.</summary>
    public bool AreSame(PlannedMatrix matrix, int first, int second, int firstRow)
    {
        DType dtype = matrix.Inputs[first + 1].DType;
        int bytes = checked((int)(matrix.HeadRows * matrix.Columns * dtype.Size()));
        int start = checked((int)(firstRow * matrix.Columns * dtype.Size()));
        return dtype == matrix.Inputs[second + 1].DType
            && _inputs[first + 1].Host.Slice(start, bytes).SequenceEqual(_inputs[second + 1].Host.Slice(start, bytes));
    }

    /// <summary>Room for the table of a chunk, [N, rows].</summary>
    public Span<int> Table(int rows) => MemoryMarshal.Cast<byte, int>(_table.Host)[..(Experts.Length * rows)];

    /// <summary>Merges the chunk's rows as <see cref="Table"/> says; gives the bank's bytes.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="rows">The chunk's rows.</param>
    /// <param name="bankRows">The rows that are stored.</param>
    /// <param name="spareRows">The rows behind them that the table names too.</param>
    /// <param name="nonFinite">How many of the stored values are NaN or infinite.</param>
    public ReadOnlySpan<byte> Merge(PlannedMatrix matrix, int rows, int bankRows, int spareRows, out long nonFinite)
    {
        int tableLength = Experts.Length * rows;
        _queue.Upload(_table, tableLength * sizeof(int));
        long length = bankRows * matrix.Columns;
        int bytes = checked((int)(length * matrix.Spec.DType.Size()));
        _queue.MergeGroups(
            _spans[0], Experts, rows, matrix.Grouping!.Value.Lambda, _table.Span(DType.Int32, tableLength),
            _bank.Span(matrix.Spec.DType, length + (spareRows * matrix.Columns)));
        _queue.Download(_bank, bytes);
        nonFinite = _queue.TakeNonFinite();
        ReadOnlySpan<byte> stored = _bank.Host[..bytes];
        if (nonFinite > 0 && spareRows > 0)
        {
            // The device counts what it writes, the rows that are not stored included.
            nonFinite = FloatScan.CountNonFinite(stored, matrix.Spec.DType);
        }

        return stored;
    }

    /// <summary>Waits for the device and gives the buffers back.</summary>
    public void Dispose()
    {
        _queue.Dispose();
        foreach (TransferBuffer? buffer in (TransferBuffer?[])[.. _inputs, _grams, _table, _bank])
        {
            buffer?.Dispose();
        }
    }

    private ReadOnlySpan<DeviceSpan> Experts => _spans.AsSpan(1);

    private static (int Elements, int Rows, int Size) Largest(PackPlan plan, IReadOnlyList<MatrixChunk> chunks) => (
        checked((int)chunks.Max(chunk => chunk.Rows * plan.Tensors[chunk.Tensor].Columns)),
        chunks.Max(chunk => chunk.Rows),
        plan.Tensors.Max(tensor => Math.Max(
            tensor.Spec.DType.Size(), tensor.Inputs.Max(input => input.DType.Size()))));
}
