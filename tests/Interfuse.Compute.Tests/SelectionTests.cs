namespace Interfuse.Compute.Tests;

[EveryPath]
public class SelectionTests(CpuPath path)
{
    private static readonly Func<int, int, float[]>[] Kinds = [Blocks.Mixed, Blocks.Ties, Blocks.Plain, Blocks.Nasty];

    private static readonly (uint Low, int Shift, int Count)[] Histograms =
        [(0, 20, 2048), (0, 24, 128), (0x3C00_0000, 12, 4096), (0x3F00_0000, 0, 7), (1, 31, 2)];

    private readonly CpuKernels _kernels = new(path);

    [Test]
    public void The_histogram_counts_every_magnitude_that_has_a_bin()
    {
        foreach ((float[] baseValues, float[] expert, uint[] magnitudes) in Deltas())
        {
            foreach ((uint low, int shift, int count) in Histograms)
            {
                var bins = new Guarded<int>(count);
                bins.Span.Fill(1);
                _kernels.MagnitudeHistogram(baseValues, expert, low, shift, bins.Span);
                int[] expected = [.. Enumerable.Repeat(1, count)];
                foreach (uint magnitude in magnitudes)
                {
                    long bin = ((long)magnitude - low) >> shift;
                    if (bin >= 0 && bin < count)
                    {
                        expected[bin]++;
                    }
                }

                Assert.That(bins.Checked(), Is.EqualTo(expected), $"{expert.Length} elements, {low:X8} >> {shift}");
            }
        }
    }

    [Test]
    public void Counting_and_collecting_split_the_magnitudes_at_both_ends_of_the_range()
    {
        foreach ((float[] baseValues, float[] expert, uint[] magnitudes) in Deltas())
        {
            uint[] sorted = [0, .. magnitudes.Order(), uint.MaxValue];
            foreach ((uint low, uint high) in new[]
            {
                (sorted[sorted.Length / 2], sorted[(sorted.Length / 2) + (sorted.Length / 50)]),
                (sorted[sorted.Length / 3], sorted[sorted.Length / 3]),
                (0u, uint.MaxValue),
                (0x7F80_0000u, 0x7FFF_FFFFu),
                (5u, 4u),
                (1u, 0u),
            })
            {
                var candidates = new Guarded<uint>(expert.Length);
                (int above, int collected) = _kernels.CountAndCollect(baseValues, expert, low, high, candidates.Span);
                uint[] expected = [.. magnitudes.Where(m => m >= low && m <= high)];
                string what = $"{expert.Length} elements, {low:X8} to {high:X8}";
                Assert.That(above, Is.EqualTo(magnitudes.Count(m => m > high)), what);
                Assert.That(candidates.Checked()[..collected], Is.EqualTo(expected), what);
            }
        }
    }

    [Test]
    public void Equal_magnitudes_are_counted_and_found_in_the_order_of_their_elements()
    {
        foreach ((float[] baseValues, float[] expert, uint[] magnitudes) in Deltas())
        {
            foreach (uint bits in magnitudes.Take(3).Append(Formulas.Magnitude(0.5f)).Append(0u).Append(0x8000_0000u))
            {
                int[] places = [.. Enumerable.Range(0, magnitudes.Length).Where(i => magnitudes[i] == bits)];
                Assert.That(_kernels.CountEqual(baseValues, expert, bits), Is.EqualTo(places.Length));
                int[] ranks = [0, 1, places.Length / 2, places.Length - 1, places.Length, int.MaxValue];
                foreach (int n in ranks.Where(n => n >= 0))
                {
                    int expected = n < places.Length ? places[n] : -1;
                    int actual = _kernels.IndexOfEqual(baseValues, expert, bits, n);
                    Assert.That(actual, Is.EqualTo(expected), $"{bits:X8}, {n}");
                }
            }
        }
    }

    [Test]
    public void Nan_counts_as_larger_than_infinity()
    {
        float[] expert = [.. Enumerable.Repeat(float.PositiveInfinity, 20), .. Enumerable.Repeat(-float.NaN, 3)];
        (int, int) counts = _kernels.CountAndCollect(new float[23], expert, 0x7F80_0000, 0x7F80_0000, new uint[23]);
        Assert.That(counts, Is.EqualTo((3, 20)));
    }

    [Test]
    public void Lengths_that_do_not_match_are_refused()
    {
        float[] nine = new float[9];
        float[] ten = new float[10];
        Assert.That(() => _kernels.MagnitudeHistogram(nine, ten, 0, 0, new int[1]), Throws.ArgumentException);
        Assert.That(() => _kernels.CountAndCollect(nine, ten, 0, 0, new uint[10]), Throws.ArgumentException);
        Assert.That(() => _kernels.CountAndCollect(ten, ten, 0, 0, new uint[9]), Throws.ArgumentException);
        Assert.That(() => _kernels.CountEqual(nine, ten, 0), Throws.ArgumentException);
        Assert.That(() => _kernels.IndexOfEqual(nine, ten, 0, 0), Throws.ArgumentException);
    }

    [Test]
    public void Sizes_out_of_range_are_refused()
    {
        Assert.That(
            () => _kernels.MagnitudeHistogram(new float[1], new float[1], 0, 32, new int[1]),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(
            () => _kernels.IndexOfEqual(new float[1], new float[1], 0, -1),
            Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static IEnumerable<(float[] Base, float[] Expert, uint[] Magnitudes)> Deltas()
    {
        foreach (int length in Blocks.Lengths)
        {
            Func<int, int, float[]> kind = Kinds[length % Kinds.Length];
            float[] baseValues = kind(length, length);
            float[] expert = kind(length, length + 1);
            yield return (baseValues, expert, [.. baseValues.Zip(expert, (b, x) => Formulas.Magnitude(x - b))]);
        }
    }
}
