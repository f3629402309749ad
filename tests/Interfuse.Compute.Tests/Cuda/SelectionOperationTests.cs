using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Cuda;

/// <summary>Compaction, histograms and counts on CUDA, against their definitions.</summary>
public class SelectionOperationTests : SelectionFixture
{
    private static readonly DType[] Types = [DType.Float32, DType.BFloat16, DType.Float16, DType.Float64];

    [Test]
    public void Compaction_gives_values_and_indices_in_order(
        [ValueSource(nameof(Types))] DType type, [Values] bool wide)
    {
        ForInputs((inputs, what) =>
        {
            int length = inputs.Deltas.Length;
            foreach (TopKThreshold keep in (TopKThreshold[])[
                TopKThreshold.All, TopKThreshold.None, inputs.Threshold((length / 2) + 1), inputs.Threshold(1)])
            {
                int[] kept = [.. Enumerable.Range(0, length).Where(i => inputs.Magnitudes[i] >= keep.MinimumBits(i))];
                (long count, ulong[] values, long[] indices) = Compact(inputs, keep, type, wide, kept.Length);
                Assert.That(count, Is.EqualTo(kept.Length), what);
                Assert.That(indices, Is.EqualTo(kept.Select(i => (long)i)), what);
                Assert.That(values, Is.EqualTo(kept.Select(i => SelectionInputs.Narrow(inputs.Deltas[i], type))), what);
                if (kept.Length > 1)
                {
                    long needed = Compact(inputs, keep, type, wide, kept.Length / 2).Count;
                    Assert.That(needed, Is.EqualTo(kept.Length), what);
                }
            }
        });
    }

    [Test]
    public void Counting_and_collecting_split_at_both_ends_of_the_range()
    {
        ForInputs((inputs, what) =>
        {
            int length = inputs.Magnitudes.Length;
            uint middle = inputs.NthLargest((length / 2) + 1);
            foreach ((uint low, uint high) in new[]
            {
                (inputs.NthLargest(length), middle), (middle, middle), (0u, uint.MaxValue), (5u, 4u), (1u, 0u),
            })
            {
                var tiles = new TileCount[TileGrid.TileCount(length)];
                uint[] candidates = new uint[length];
                int collected = Queue.CountAndCollect(inputs.Base, inputs.Expert, low, high, tiles, candidates);
                Assert.That(
                    candidates[..collected], Is.EqualTo(inputs.Magnitudes.Where(m => m >= low && m <= high)), what);
                Assert.That(
                    tiles,
                    Is.EqualTo(inputs.Magnitudes.Chunk(TileGrid.TileLength).Select(
                        tile => new TileCount(tile.Count(m => m > high), tile.Count(m => m >= low && m <= high)))),
                    what);
            }
        });
    }

    [Test]
    public void Equals_are_counted_by_tile_and_found_by_rank()
    {
        ForInputs((inputs, what) =>
        {
            int length = inputs.Magnitudes.Length;
            foreach (uint bits in new[] { inputs.NthLargest((length / 2) + 1), 0x7FC0_0000u, 0x3FFF_FFFFu })
            {
                int[] places = [.. Enumerable.Range(0, length).Where(i => inputs.Magnitudes[i] == bits)];
                int[] tiles = new int[TileGrid.TileCount(length)];
                Queue.CountEqual(inputs.Base, inputs.Expert, bits, tiles);
                Assert.That(
                    tiles,
                    Is.EqualTo(inputs.Magnitudes.Chunk(TileGrid.TileLength).Select(tile => tile.Count(m => m == bits))),
                    what);
                foreach (int n in new[] { 0, places.Length / 2, places.Length - 1, places.Length }.Where(n => n >= 0))
                {
                    Assert.That(
                        Queue.IndexOfEqual(inputs.Base, inputs.Expert, bits, n),
                        Is.EqualTo(n < places.Length ? places[n] : -1),
                        $"{what}: {n} of {places.Length}");
                }
            }
        });
    }

    [Test]
    public void The_histogram_adds_every_magnitude_that_has_a_bin()
    {
        ForInputs((inputs, what) =>
        {
            foreach ((uint low, int shift, int count) in new[]
            {
                (0u, 19, DeviceQueue.MaxBins), (inputs.NthLargest(inputs.Magnitudes.Length), 23, 9),
                (0x3F00_0000u, 0, 7), (1u, 31, 1),
            })
            {
                long[] bins = [.. Enumerable.Repeat(5L, count)];
                Queue.MagnitudeHistogram(inputs.Base, inputs.Expert, low, shift, bins);
                long[] expected = [.. Enumerable.Repeat(5L, count)];
                foreach (uint magnitude in inputs.Magnitudes.Where(m => m >= low && (m - low) >> shift < count))
                {
                    expected[(magnitude - low) >> shift]++;
                }

                Assert.That(bins, Is.EqualTo(expected), $"{what}, {low:X8} >> {shift}");
            }
        });
    }

    private static (DType Base, DType Expert, int Length, int Offset)[] Shapes() =>
    [
        (DType.Float32, DType.Float32, 1, 0),
        (DType.BFloat16, DType.BFloat16, 3001, 0),
        (DType.Float16, DType.Float16, 8193, 0),
        (DType.Float64, DType.Float32, 777, 1),
        (DType.BFloat16, DType.Float32, 2048, 0),
        (DType.BFloat16, DType.BFloat16, 131_077, 0),
    ];

    private void ForInputs(Action<SelectionInputs, string> test)
    {
        foreach ((DType baseType, DType expertType, int length, int offset) in Shapes())
        {
            var random = new Random(length);
            float[] baseValues = [.. Enumerable.Range(0, length).Select(_ => Special(random))];
            float[] expert = [.. Enumerable.Range(0, length).Select(_ => Special(random))];
            using var inputs = new SelectionInputs(Queue, baseValues, baseType, expert, expertType, offset);
            test(inputs, $"{length} elements {baseType} {expertType}");
        }
    }

    private (long Count, ulong[] Values, long[] Indices) Compact(
        SelectionInputs inputs, TopKThreshold keep, DType type, bool wide, int room)
    {
        int size = type.Size();
        using DeviceBuffer values = Queue.Device.Allocate(((long)room + 1) * size);
        using DeviceBuffer indices = Queue.Device.Allocate(((long)room + 1) * sizeof(long));
        DeviceSpan valueSpan = values.Span(type, room);
        DeviceSpan indexSpan = indices.Span(wide ? DType.Int64 : DType.Int32, room);
        long count = Queue.Compact(inputs.Base, inputs.Expert, keep, valueSpan, indexSpan);
        byte[] valueBytes = new byte[room * size];
        byte[] indexBytes = new byte[indexSpan.ByteLength];
        Queue.Download(valueSpan, valueBytes);
        Queue.Download(indexSpan, indexBytes);
        ulong[] found = new ulong[room];
        for (int i = 0; i < room; i++)
        {
            valueBytes.AsSpan(i * size, size).CopyTo(MemoryMarshal.AsBytes(found.AsSpan(i, 1)));
        }

        return (count, found, wide
            ? MemoryMarshal.Cast<byte, long>(indexBytes).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, int>(indexBytes).ToArray(), index => (long)index));
    }
}
