using System.Runtime.InteropServices;
using Interfuse.Checkpoints;
using Interfuse.Compute;

namespace Interfuse.Experts.Encoders;

// How much of a matrix differs from another.
internal sealed partial class MatrixBench
{
    // Elements of which the kept ones are set apart at a time; whole tiles, so many that all threads have enough to do.
    private const long EnergyLength = 64 * TileGrid.TileLength;

    /// <summary>
    /// The squared norm of what is kept of a difference, in float64: <c>sum (to[i] - from[i])^2</c> over the elements that
    /// <paramref name="keep"/> keeps, each difference in float32, in the order of <see cref="DeviceQueue.Dot"/>.
    /// </summary>
    /// <remarks>
    /// Takes 4 bytes per element of a piece, see <see cref="EnergyBytes"/>. With different thresholds the elements that
    /// both keep add up alike, so that the energies of all of them and of all of them are equal.
    /// </remarks>
    public double Energy(DeviceSpan from, DeviceSpan to, TopKThreshold keep)
    {
        if (keep == TopKThreshold.All)
        {
            long whole = from.Length / TileGrid.TileLength * TileGrid.TileLength;
            double sum = whole == 0 ? 0 : Energy(from.Slice(0, whole), to.Slice(0, whole), whole / TileGrid.TileLength, 0);
            return whole == from.Length
                ? sum
                : Energy(from.Slice(whole, from.Length - whole), to.Slice(whole, from.Length - whole), 1, sum);
        }

        long step = Math.Min(EnergyLength, from.Length);
        DeviceBuffer room = _pool.Take(step * sizeof(float));
        var tiles = new DotProducts[TileGrid.TileCount(step)];
        double energy = 0;
        for (long first = 0; first < from.Length; first += step)
        {
            long length = Math.Min(step, from.Length - first);
            DeviceSpan kept = room.Span(DType.Float32, length);
            Queue.TaskVector(from.Slice(first, length), to.Slice(first, length), keep, first, kept);
            Span<DotProducts> sums = tiles.AsSpan(0, TileGrid.TileCount(length));
            Queue.Dot(kept, kept, sums);
            foreach (DotProducts tile in sums)
            {
                energy += tile.AA;
            }
        }

        _pool.GiveBack(room);
        return energy;
    }

    /// <summary>What <see cref="Energy(DeviceSpan, DeviceSpan, TopKThreshold)"/> takes of the device's memory.</summary>
    public static long EnergyBytes(PlannedMatrix matrix) =>
        Math.Min(EnergyLength, matrix.Spec.ElementCount) * sizeof(float);

    // Tiles are the channels of a matrix: a channel's Gram matrix of one expert adds up in the order of a tile.
    private double Energy(DeviceSpan from, DeviceSpan to, long tiles, double energy)
    {
        DeviceBuffer room = _pool.Take(tiles * sizeof(double));
        DeviceSpan grams = room.Span(DType.Float64, tiles);
        Queue.ChannelGrams(from, [to], tiles, grams);
        double[] sums = new double[tiles];
        Queue.Download(grams, MemoryMarshal.AsBytes(sums.AsSpan()));
        _pool.GiveBack(room);
        foreach (double sum in sums)
        {
            energy += sum;
        }

        return energy;
    }
}
