using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>The exact k-th largest magnitude, with ties to the lowest index.</summary>
[EveryDevice]
public class ThresholdTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Every_k_of_a_short_tensor_is_exact([ValueSource(typeof(TaskPair), nameof(TaskPair.Kinds))] string kind)
    {
        foreach (int length in new[] { 1, 2, 15, 33 })
        {
            using SideBySide both = SideBySide();
            TaskPair pair = TaskPair.Make(both, kind, length, length);
            for (long keep = 0; keep <= length; keep++)
            {
                Check(both, pair, keep);
            }
        }
    }

    [Test]
    public void The_kth_magnitude_of_a_block_and_of_a_tile_is_exact(
        [ValueSource(typeof(TaskPair), nameof(TaskPair.Kinds))] string kind)
    {
        foreach (int length in new[] { 1000, 1024, 4099, TileGrid.TileLength + 7 })
        {
            using SideBySide both = SideBySide();
            TaskPair pair = TaskPair.Make(both, kind, length, length);
            foreach (long keep in new[] { 1, 2, length / 10, length / 2, length - 1 })
            {
                Check(both, pair, keep);
            }
        }
    }

    [Test]
    public void Several_tiles_are_searched_as_one()
    {
        using SideBySide both = SideBySide();
        foreach (string kind in new[] { "plain", "ties", "shared bits" })
        {
            TaskPair pair = TaskPair.Make(both, kind, (3 * TileGrid.TileLength) - 5, 3);
            Check(both, pair, pair.Length / 5);
        }
    }

    [Test]
    public void A_sample_that_misleads_does_no_harm()
    {
        // Large deltas at one place only: wherever a sample looks, it sees too few of them or too many.
        const int Length = 3 * TileGrid.TileLength;
        foreach (int start in new[] { 0, TileGrid.TileLength, Length - 5000 })
        {
            float[] deltas = Blocks.Plain(Length, start);
            for (int i = start; i < start + 5000; i++)
            {
                deltas[i] *= 1e6f;
            }

            using SideBySide both = SideBySide();
            Place zeros = both.Add(DType.BFloat16, new byte[2 * Length]);
            byte[] stored = TensorData.Stored(DType.Float32, deltas, 0);
            Place expert = both.Add(DType.Float32, stored);
            foreach (long keep in new[] { 100, 4999, 5000, 5001, 100_000 })
            {
                both.Same(
                    side => new[] { side.Queue.FindThreshold(side[zeros], side[expert], keep) },
                    $"large from {start}, k = {keep}");
            }
        }
    }

    private static void Check(SideBySide both, TaskPair pair, long keep)
    {
        TopKThreshold found = both.Same(
            side => new[] { side.Queue.FindThreshold(side[pair.Base], side[pair.Expert], keep) },
            $"{pair}, k = {keep}")[0];

        // Besides the reference's word: just k elements are kept, none of them smaller than one that is not.
        bool[] kept = [.. pair.Magnitudes.Select((m, i) => m >= found.MinimumBits(i))];
        Assert.That(kept.LongCount(isKept => isKept), Is.EqualTo(keep), $"{pair}, k = {keep}");
    }
}
