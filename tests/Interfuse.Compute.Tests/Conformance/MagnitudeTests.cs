using System.Runtime.InteropServices;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>The steps of a selection over a tensor that streams through: histogram, counts, candidates, ties.</summary>
[EveryDevice]
public class MagnitudeTests(TestDevice device) : DeviceFixture(device)
{
    private static readonly (uint Low, int Shift, int Count)[] Histograms =
    [
        (0, 20, 2048), (0, 24, 128), (0x3C00_0000, 12, 4096), (0x3F00_0000, 0, 7), (1, 31, 2),
        (0x7F80_0000, 20, 4), (0x7FFF_FFFF, 0, 4096), (0xFFFF_FFFF, 31, 1),
    ];

    [Test]
    public void The_histogram_counts_every_magnitude_that_has_a_bin(
        [ValueSource(typeof(TaskPair), nameof(TaskPair.Kinds))] string kind)
    {
        foreach (int length in new[] { 0, 1, 31, 1024, 5000, TileGrid.TileLength + 9 })
        {
            using SideBySide both = SideBySide();
            TaskPair pair = TaskPair.Make(both, kind, length, length);
            foreach ((uint low, int shift, int count) in Histograms)
            {
                both.Same(
                    side =>
                    {
                        long[] bins = [.. Enumerable.Range(0, count).Select(bin => (1L << 40) + bin)];
                        side.Queue.MagnitudeHistogram(side[pair.Base], side[pair.Expert], low, shift, bins);
                        return bins;
                    },
                    $"{pair}, {low:X8} >> {shift}");
            }
        }
    }

    [Test]
    public void Counting_and_collecting_split_the_magnitudes_at_both_ends_of_the_range(
        [ValueSource(typeof(TaskPair), nameof(TaskPair.Kinds))] string kind)
    {
        foreach (int length in new[] { 0, 1, 31, 1025, 5000, (2 * TileGrid.TileLength) + 1 })
        {
            using SideBySide both = SideBySide();
            TaskPair pair = TaskPair.Make(both, kind, length, length);
            uint[] sorted = [0, .. pair.Magnitudes.Order(), uint.MaxValue];
            foreach ((uint low, uint high) in new[]
            {
                (sorted[sorted.Length / 2], sorted[(sorted.Length / 2) + (sorted.Length / 50)]),
                (sorted[sorted.Length / 3], sorted[sorted.Length / 3]),
                (0u, uint.MaxValue),
                (0x7F80_0000u, 0x7FFF_FFFFu),
                (5u, 4u),
                (1u, 0u),
                (uint.MaxValue, uint.MaxValue),
            })
            {
                both.Same(side => CountAndCollect(side, pair, low, high), $"{pair}, {low:X8} to {high:X8}");
            }
        }
    }

    [Test]
    public void Equal_magnitudes_are_counted_and_found_in_the_order_of_their_elements(
        [ValueSource(typeof(TaskPair), nameof(TaskPair.Kinds))] string kind)
    {
        foreach (int length in new[] { 1, 31, 1025, (2 * TileGrid.TileLength) + 1 })
        {
            using SideBySide both = SideBySide();
            TaskPair pair = TaskPair.Make(both, kind, length, length);
            uint[] searched = [pair.Magnitudes[0], pair.Magnitudes[length / 2], 0, 0x7FC0_0000, 0x8000_0000];
            foreach (uint bits in searched.Distinct())
            {
                both.Same(side => CountEqual(side, pair, bits), $"{pair}, {bits:X8}");
                int count = pair.Magnitudes.Count(m => m == bits);
                long[] ranks = [0, 1, count / 2, Math.Max(count - 1, 0), count, long.MaxValue];
                foreach (long n in ranks.Distinct())
                {
                    both.Same(
                        side => new[] { side.Queue.IndexOfEqual(side[pair.Base], side[pair.Expert], bits, n) },
                        $"{pair}, {bits:X8}, number {n}");
                }
            }
        }
    }

    private static uint[] CountAndCollect(Side side, TaskPair pair, uint low, uint high)
    {
        var tiles = new TileCount[TileGrid.TileCount(pair.Length)];
        uint[] candidates = new uint[pair.Length];
        int count = side.Queue.CountAndCollect(side[pair.Base], side[pair.Expert], low, high, tiles, candidates);
        return [.. candidates[..count], .. MemoryMarshal.Cast<TileCount, uint>(tiles)];
    }

    private static int[] CountEqual(Side side, TaskPair pair, uint bits)
    {
        int[] tiles = new int[TileGrid.TileCount(pair.Length)];
        side.Queue.CountEqual(side[pair.Base], side[pair.Expert], bits, tiles);
        return tiles;
    }
}
