using Interfuse.Compute;
using Interfuse.Merging.Methods;
using Interfuse.Merging.Selection;

namespace Interfuse.Merging.Tests.Selection;

/// <summary>Plays the executor's part for a selection over arrays, and judges the result by a sort.</summary>
internal sealed class SelectionRun
{
    private const int SortedElements = 5000;

    private static readonly CpuKernels Kernels = new();

    private readonly TopKSelection _selection;
    private readonly float[] _inputs;
    private readonly long[] _keep;
    private readonly int _elements;

    private SelectionRun(float[] baseValues, float[][] experts, long[] keep, long scratchBytes)
    {
        _elements = baseValues.Length;
        _inputs = new float[(experts.Length + 1) * _elements];
        baseValues.CopyTo(_inputs, 0);
        for (int expert = 0; expert < experts.Length; expert++)
        {
            experts[expert].CopyTo(_inputs, (expert + 1) * _elements);
        }

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
            float delta = _inputs[((expert + 1) * _elements) + index] - _inputs[index];
            magnitudes[index] = BitConverter.SingleToUInt32Bits(delta) & TopKThreshold.MaximumBits;
        }

        return magnitudes;
    }

    private void Visit(TensorPass pass, int tile)
    {
        int start = tile * TileGrid.TileLength;
        int end = Math.Min(start + TileGrid.TileLength, _elements);
        if (pass.OneBlockPerTile)
        {
            int blocks = (end - start + TileGrid.BlockLength - 1) / TileGrid.BlockLength;
            start += tile * 37 % blocks * TileGrid.BlockLength;
            end = Math.Min(end, start + TileGrid.BlockLength);
        }

        uint[] words = new uint[TileGrid.BlockLength];
        for (; start < end; start += TileGrid.BlockLength)
        {
            int length = Math.Min(TileGrid.BlockLength, end - start);
            pass.Visit(new Block
            {
                Kernels = Kernels,
                Tile = tile,
                Start = start,
                Inputs = new Rows(_inputs.AsSpan(start), _keep.Length + 1, length, _elements),
                Scratch = [],
                Words = words,
            });
        }
    }
}
