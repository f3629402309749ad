using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

internal sealed partial class ReferenceQueue
{
    /// <summary>The magnitude bits of deltas.</summary>
    public static uint[] Magnitudes(DeviceSpan baseValues, DeviceSpan expert) =>
        [.. Widened(baseValues).Zip(Widened(expert), (b, x) => Formulas.Magnitude(x - b))];

    protected override TopKThreshold FindThresholdCore(DeviceSpan baseValues, DeviceSpan expert, long keep)
    {
        uint[] magnitudes = Magnitudes(baseValues, expert);
        uint[] sorted = [.. magnitudes.OrderDescending()];
        uint bits = sorted[keep - 1];
        int tiesKept = (int)keep - Array.IndexOf(sorted, bits);
        int[] ties = [.. Enumerable.Range(0, magnitudes.Length).Where(i => magnitudes[i] == bits)];
        return new TopKThreshold(bits, tiesKept < ties.Length ? ties[tiesKept] : long.MaxValue);
    }

    protected override long CompactCore(
        DeviceSpan baseValues, DeviceSpan expert, TopKThreshold keep, DeviceSpan values, DeviceSpan indices)
    {
        float[] b = Widened(baseValues);
        float[] x = Widened(expert);
        int[] kept = [.. Enumerable.Range(0, b.Length).Where(i => TaskFormulas.IsKept(x[i] - b[i], keep, i))];
        if (kept.Length <= values.Length)
        {
            Write(Array.ConvertAll(kept, i => x[i] - b[i]), values.Slice(0, kept.Length));
            Span<byte> places = ReferenceDevice.BytesOf(indices);
            (indices.DType == DType.Int32
                ? MemoryMarshal.AsBytes(kept.AsSpan())
                : MemoryMarshal.AsBytes(Array.ConvertAll(kept, i => (long)i).AsSpan())).CopyTo(places);
        }

        return kept.Length;
    }

    protected override void MagnitudeHistogramCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, int shift, Span<long> bins)
    {
        foreach (uint magnitude in Magnitudes(baseValues, expert))
        {
            long bin = ((long)magnitude - low) >> shift;
            if (bin >= 0 && bin < bins.Length)
            {
                bins[(int)bin]++;
            }
        }
    }

    protected override int CountAndCollectCore(
        DeviceSpan baseValues, DeviceSpan expert, uint low, uint high, Span<TileCount> tiles, Span<uint> candidates)
    {
        uint[] magnitudes = Magnitudes(baseValues, expert);
        uint[] inside = [.. magnitudes.Where(m => m >= low && m <= high)];
        inside.CopyTo(candidates);
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            ReadOnlySpan<uint> part = TileOf(magnitudes, tile);
            tiles[tile] = new TileCount(Count(part, m => m > high), Count(part, m => m >= low && m <= high));
        }

        return inside.Length;
    }

    protected override void CountEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, Span<int> tiles)
    {
        uint[] magnitudes = Magnitudes(baseValues, expert);
        for (int tile = 0; tile < tiles.Length; tile++)
        {
            tiles[tile] = Count(TileOf(magnitudes, tile), m => m == bits);
        }
    }

    protected override long IndexOfEqualCore(DeviceSpan baseValues, DeviceSpan expert, uint bits, long n)
    {
        uint[] magnitudes = Magnitudes(baseValues, expert);
        int[] places = [.. Enumerable.Range(0, magnitudes.Length).Where(i => magnitudes[i] == bits)];
        return n < places.Length ? places[n] : -1;
    }

    private static ReadOnlySpan<uint> TileOf(uint[] magnitudes, int tile)
    {
        int start = tile * TileGrid.TileLength;
        return magnitudes.AsSpan(start, Math.Min(TileGrid.TileLength, magnitudes.Length - start));
    }

    private static int Count(ReadOnlySpan<uint> magnitudes, Func<uint, bool> condition)
    {
        int count = 0;
        foreach (uint magnitude in magnitudes)
        {
            count += condition(magnitude) ? 1 : 0;
        }

        return count;
    }
}
