using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;
using Interfuse.Compute.Selection;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Selection;

namespace Interfuse.Merging.Tests.Selection;

/// <summary>Plays the executor's part for a selection over arrays, and judges the result by a sort.</summary>
internal sealed class SelectionRun
{
    private const int SortedElements = 5000;

    private static readonly CpuDevice Cpu = new(threads: 1);

    private readonly TopKSelection _selection;
    private readonly float[][] _values;
    private readonly DeviceBuffer[] _inputs;
    private readonly long[] _keep;
    private readonly int _elements;

    private SelectionRun(float[] baseValues, float[][] experts, long[] keep, long scratchBytes)
    {
        _elements = baseValues.Length;
        _values = [baseValues, .. experts];
        _inputs = Array.ConvertAll(_values, values =>
        {
            DeviceBuffer buffer = Cpu.Allocate(values.Length * sizeof(float));
            using DeviceQueue queue = Cpu.CreateQueue();
            queue.Upload(MemoryMarshal.AsBytes(values.AsSpan()), buffer.Span(DType.Float32, values.Length));
            return buffer;
        });

        _keep = keep;
        _selection = new TopKSelection(keep, _elements, scratchBytes);
    }

    /// <summary>How many sweeps over all tiles it took.</summary>
    public int FullSweeps { get; private set; }

    /// <summary>Whether a sample was taken first.</summary>
    public bool Sampled { get; private set; }

    public static SelectionRun Of(
        float[] baseValues, float[][] experts, long[] keep, long scratchBytes = 64 << 20, int threads = 1, int seed = 0)
    {
        var run = new SelectionRun(baseValues, experts, keep, scratchBytes);
        var random = new Random(seed);
        while (run._selection.NextPass() is { } pass)
        {
            int[] tiles = [.. pass.Tiles ?? [.. Enumerable.Range(0, TileGrid.TileCount(run._elements))]];
            random.Shuffle(tiles);
            run.Sampled |= pass.OneBlockPerTile;
            run.FullSweeps += pass.Tiles is null ? 1 : 0;
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
            Parallel.ForEach(tiles, options, tile => run.Visit(pass, tile));
        }

        return run;
    }

    /// <summary>The experts' deltas against a base of zeros.</summary>
    public static SelectionRun Of(
        float[] deltas, long keep, long scratchBytes = 64 << 20, int threads = 1, int seed = 0) =>
        Of(new float[deltas.Length], [deltas], [keep], scratchBytes, threads, seed);

    public TopKThreshold Threshold(int expert) => _selection[expert];

    /// <summary>Asserts that exactly the k largest magnitudes are kept, the lowest index first among equals.</summary>
    /// <remarks>
    /// A cut at one magnitude, and at one index among its equals, that keeps as many as asked for can only be the right
    /// one: so a large tensor is not sorted.
    /// </remarks>
    public void AssertExact()
    {
        for (int expert = 0; expert < _keep.Length; expert++)
        {
            uint[] magnitudes = Magnitudes(expert);
            TopKThreshold threshold = _selection[expert];
            bool[] kept = new bool[_elements];
            for (int index = 0; index < kept.Length; index++)
            {
                kept[index] = magnitudes[index] >= threshold.MinimumBits(index);
            }

            Assert.That(kept.Count(isKept => isKept), Is.EqualTo(_keep[expert]), $"expert {expert}: {threshold}");
            if (_elements <= SortedElements)
            {
                Assert.That(kept, Is.EqualTo(Largest(magnitudes, _keep[expert])), $"expert {expert}: {threshold}");
            }
        }
    }

    private static bool[] Largest(uint[] magnitudes, long keep)
    {
        ulong[] order = [.. magnitudes.Select((bits, index) => ((ulong)(uint.MaxValue - bits) << 32) | (uint)index)];
        Array.Sort(order);
        bool[] largest = new bool[magnitudes.Length];
        foreach (ulong key in order.AsSpan(0, (int)keep))
        {
            largest[(uint)key] = true;
        }

        return largest;
    }

    private uint[] Magnitudes(int expert)
    {
        uint[] magnitudes = new uint[_elements];
        for (int index = 0; index < _elements; index++)
        {
            float delta = _values[expert + 1][index] - _values[0][index];
            magnitudes[index] = float.IsNaN(delta)
                ? TopKThreshold.NanBits
                : BitConverter.SingleToUInt32Bits(delta) & TopKThreshold.MaximumBits;
        }

        return magnitudes;
    }

    private void Visit(TensorPass pass, int tile)
    {
        int start = tile * TileGrid.TileLength;
        int length = Math.Min(_elements - start, TileGrid.TileLength);
        if (pass.OneBlockPerTile)
        {
            int offset = SamplePlan.BlockStart(tile, length);
            start += offset;
            length = Math.Min(length - offset, TileGrid.BlockLength);
        }

        using DeviceQueue queue = Cpu.CreateQueue();
        int first = start;
        pass.Visit(new Chunk
        {
            Queue = queue,
            FirstTile = tile,
            Start = start,
            Inputs = Array.ConvertAll(_inputs, input => input.Span(DType.Float32, _elements).Slice(first, length)),
            Words = new uint[length],
        });
    }
}
