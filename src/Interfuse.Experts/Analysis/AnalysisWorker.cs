using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Analysis;

/// <summary>Computes tiles, one after the other, with a queue and buffers of its own.</summary>
internal sealed class AnalysisWorker : IDisposable
{
    private readonly DeviceQueue _queue;
    private readonly List<TransferBuffer> _inputs = [];
    private readonly TransferBuffer _grams;
    private readonly CpuKernels _kernels = new();
    private readonly SignCounter _signs = new(TileGrid.BlockLength);
    private readonly float[] _base = new float[TileGrid.BlockLength];
    private readonly float[] _expert = new float[TileGrid.BlockLength];
    private readonly float[] _delta;
    private readonly int _experts;

    /// <param name="device">Where the Gram matrices are computed.</param>
    /// <param name="tensors">All that there will be tiles of: the buffers are as large as their largest tile.</param>
    public AnalysisWorker(Device device, IReadOnlyList<ComparedTensor> tensors)
    {
        _experts = tensors[0].Models.Length - 1;
        _delta = new float[_signs.Room];
        _queue = device.CreateQueue();
        try
        {
            for (int model = 0; model <= _experts; model++)
            {
                _inputs.Add(device.AllocateTransfer(checked(tensors.Max(
                    tensor => LargestTile(tensor) * tensor.Models[model].DType.Size()))));
            }

            int units = tensors.Max(tensor => Math.Min(tensor.Units, Math.Max(1, ComparedTensor.TileElements / tensor.UnitLength)));
            _grams = device.AllocateTransfer(checked(units * _experts * _experts * sizeof(double)));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Reads a tile of all models and takes its units down.</summary>
    public void Do(AnalysisTile tile)
    {
        CheckpointTensor[] models = tile.Tensor.Models;
        var spans = new DeviceSpan[models.Length];
        for (int i = 0; i < models.Length; i++)
        {
            int size = models[i].DType.Size();
            models[i].Read(tile.Start * size, _inputs[i].Host[..(tile.Length * size)]);
            _queue.Upload(_inputs[i], tile.Length * size);
            spans[i] = _inputs[i].Span(models[i].DType, tile.Length);
        }

        int products = tile.Units * _experts * _experts;
        _queue.ChannelGrams(spans[0], spans.AsSpan(1), tile.Units, _grams.Span(DType.Float64, products));
        _queue.Download(_grams, products * sizeof(double));
        CountOnHost(tile);
        _queue.Synchronize();
        int packed = ChannelMatrix.PackedLength(_experts);
        ChannelMatrix.Pack(
            MemoryMarshal.Cast<byte, double>(_grams.Host)[..products],
            _experts,
            tile.Tensor.Grams.AsSpan(tile.FirstUnit * packed, tile.Units * packed));
    }

    public void Dispose()
    {
        _queue.Dispose();
        _inputs.ForEach(buffer => buffer.Dispose());
        _grams?.Dispose();
    }

    private static int LargestTile(ComparedTensor tensor) => tensor.Tiles().First().Length;

    // The base's norms and the signs, while the device is busy.
    private void CountOnHost(AnalysisTile tile)
    {
        int unitLength = tile.Length / tile.Units;
        long contested = 0;
        long conflicting = 0;
        for (int unit = 0; unit < tile.Units; unit++)
        {
            double energy = 0;
            int end = (unit + 1) * unitLength;
            for (int start = unit * unitLength; start < end; start += TileGrid.BlockLength)
            {
                int length = Math.Min(TileGrid.BlockLength, end - start);
                Span<float> baseValues = Widen(tile, 0, start, _base.AsSpan(0, length));
                energy += _kernels.Dot(baseValues, baseValues).AA;
                (long both, long apart) = CountSigns(tile, start, baseValues);
                contested += both;
                conflicting += apart;
            }

            tile.Tensor.SetBaseEnergy(tile.FirstUnit + unit, energy);
        }

        tile.Tensor.AddSigns(contested, conflicting);
    }

    private (long Contested, long Conflicting) CountSigns(AnalysisTile tile, int start, ReadOnlySpan<float> baseValues)
    {
        _signs.Begin();
        _delta.AsSpan(baseValues.Length).Clear();
        for (int model = 1; model <= _experts; model++)
        {
            Span<float> expert = Widen(tile, model, start, _expert.AsSpan(0, baseValues.Length));
            _kernels.TaskVector(baseValues, expert, minimumBits: 0, _delta.AsSpan(0, baseValues.Length));
            _signs.Add(_delta);
        }

        return _signs.Count();
    }

    private Span<float> Widen(AnalysisTile tile, int model, int start, Span<float> destination)
    {
        DType dtype = tile.Tensor.Models[model].DType;
        int size = dtype.Size();
        _kernels.Widen(_inputs[model].Host.Slice(start * size, destination.Length * size), dtype, destination);
        return destination;
    }
}
