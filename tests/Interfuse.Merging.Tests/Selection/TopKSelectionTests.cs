using Interfuse.Compute;

namespace Interfuse.Merging.Tests.Selection;

[Parallelizable(ParallelScope.All)]
internal sealed class TopKSelectionTests
{
    // More than four tiles, the last one broken off: sampled first.
    private const int Large = (6 * TileGrid.TileLength) + 4321;
    private const long LeastScratch = 1;

    private static readonly double[] Densities = [0.01, 0.2, 0.5, 0.8, 0.99];

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(1023)]
    [TestCase(1024)]
    [TestCase(1025)]
    [TestCase(TileGrid.TileLength + 1)]
    [TestCase(4 * TileGrid.TileLength)]
    [TestCase(Large)]
    public void The_largest_are_kept_at_any_length_and_density(int elements)
    {
        float[] deltas = Bell(elements, seed: elements);
        long[] counts = [.. Densities.Select(density => (long)(density * elements)), 0, 1, elements - 1, elements];

        foreach (long keep in counts.Distinct())
        {
            SelectionRun.Of(deltas, keep).AssertExact();
        }
    }

    [Test]
    public void Deltas_are_expert_minus_base_rounded_once()
    {
        float[] baseValues = Bell(Large, seed: 1);
        float[] expert = [.. baseValues.Zip(Bell(Large, seed: 2), (value, noise) => value + (noise * 1e-6f))];

        SelectionRun.Of(baseValues, [expert], [Large / 3]).AssertExact();
    }

    [Test]
    public void Experts_are_selected_each_by_itself_in_the_same_sweeps()
    {
        float[] baseValues = Bell(Large, seed: 3);
        float[][] experts = [Bell(Large, 4), Grid(Large, 5, levels: 3), Bell(Large, 6), [.. baseValues]];

        SelectionRun run = SelectionRun.Of(baseValues, experts, [Large / 5, Large / 2, 0, Large / 7]);

        run.AssertExact();
        Assert.That(run.FullSweeps, Is.LessThanOrEqualTo(3));
    }

    [Test]
    public void A_sample_spares_all_sweeps_but_one()
    {
        SelectionRun run = SelectionRun.Of(Bell(Large, seed: 7), Large / 5);

        run.AssertExact();
        Assert.That((run.Sampled, run.FullSweeps), Is.EqualTo((true, 1)));
    }

    [Test]
    public void More_tiles_than_are_sampled_are_all_searched()
    {
        const int Elements = (258 * TileGrid.TileLength) + 5;
        float[] deltas = new float[Elements];
        uint state = 1;
        for (int i = 0; i < Elements; i++)
        {
            state = (state * 1664525) + 1013904223;
            deltas[i] = (state >> 8) - 8388608f;
        }

        SelectionRun run = SelectionRun.Of(deltas, Elements / 10, threads: 2);

        run.AssertExact();
        Assert.That((run.Sampled, run.FullSweeps), Is.EqualTo((true, 1)));
    }

    [Test]
    public void Of_equal_magnitudes_the_lowest_indices_are_kept(
        [Values(1, 2, 5)] int levels, [Values(1000, Large)] int elements)
    {
        float[] deltas = Grid(elements, seed: levels, levels);

        foreach (double density in Densities)
        {
            SelectionRun.Of(deltas, (long)(density * elements)).AssertExact();
        }
    }

    [Test]
    public void Equal_magnitudes_are_cut_after_the_last_one_that_fits()
    {
        float[] deltas = new float[Large];
        Array.Fill(deltas, -2f);

        SelectionRun run = SelectionRun.Of(deltas, Large - 7);

        Assert.That(run.Threshold(0).TieEnd, Is.EqualTo(Large - 7));
    }

    [TestCase(0f)]
    [TestCase(-0f)]
    [TestCase(float.Epsilon)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NaN)]
    public void All_alike_are_cut_by_index(float value)
    {
        foreach (int elements in new[] { 1, 2000, Large })
        {
            float[] deltas = new float[elements];
            Array.Fill(deltas, value);
            foreach (long keep in new long[] { 1, elements / 2, elements - 1, elements })
            {
                SelectionRun.Of(deltas, keep).AssertExact();
            }
        }
    }

    [Test]
    public void Mostly_zero_deltas_give_up_zeros_first()
    {
        float[] deltas = new float[Large];
        for (int i = 0; i < Large; i += 50)
        {
            deltas[i] = i;
        }

        // Fewer and more than there are non-zeros.
        SelectionRun.Of(deltas, Large / 100).AssertExact();
        SelectionRun.Of(deltas, Large / 2).AssertExact();
    }

    [Test]
    public void Not_a_number_ranks_above_infinity_and_infinity_above_numbers()
    {
        float[] deltas = Bell(Large, seed: 8);
        for (int i = 100; i < Large; i += 997)
        {
            deltas[i] = (i % 3) switch { 0 => float.NaN, 1 => float.NegativeInfinity, _ => float.MaxValue };
        }

        foreach (long keep in new long[] { 1, 100, 150, 300, 500, Large / 2 })
        {
            SelectionRun.Of(deltas, keep).AssertExact();
        }
    }

    [Test]
    public void A_sample_that_misleads_costs_sweeps_but_not_exactness([Values] bool sampledAreLarge)
    {
        float[] deltas = Bell(Large, seed: 9);
        for (int tile = 0; tile <= Large / TileGrid.TileLength; tile++)
        {
            int first = tile * TileGrid.TileLength;
            int length = Math.Min(TileGrid.TileLength, Large - first);
            int blocks = (length + TileGrid.BlockLength - 1) / TileGrid.BlockLength;
            int start = first + (tile * 37 % blocks * TileGrid.BlockLength);
            foreach (ref float delta in deltas.AsSpan(start, Math.Min(TileGrid.BlockLength, Large - start)))
            {
                delta *= sampledAreLarge ? 1e9f : 1e-9f;
            }
        }

        SelectionRun run = SelectionRun.Of(deltas, Large / 3);

        run.AssertExact();
        Assert.That(run.FullSweeps, Is.GreaterThan(1));
    }

    [Test]
    public void Sorted_data_is_no_worse_than_any([Values] bool ascending)
    {
        float[] deltas = Bell(Large, seed: 10);
        Array.Sort(deltas, (left, right) => MathF.Abs(left).CompareTo(MathF.Abs(right)));
        if (!ascending)
        {
            Array.Reverse(deltas);
        }

        foreach (double density in Densities)
        {
            SelectionRun.Of(deltas, (long)(density * Large)).AssertExact();
        }
    }

    [TestCase(3000)]
    [TestCase(Large)]
    public void Without_room_to_collect_the_bracket_is_narrowed(int elements)
    {
        float[] deltas = Bell(elements, seed: 11);

        foreach (double density in Densities)
        {
            SelectionRun run = SelectionRun.Of(deltas, (long)(density * elements), LeastScratch);

            run.AssertExact();
            Assert.That(run.FullSweeps, Is.GreaterThan(1));
        }
    }

    [Test]
    public void More_equal_magnitudes_than_room_are_counted_not_collected([Values(1, 2, 40)] int levels)
    {
        float[] deltas = Grid(Large, seed: 12 + levels, levels);

        foreach (double density in Densities)
        {
            SelectionRun.Of(deltas, (long)(density * Large), LeastScratch).AssertExact();
        }
    }

    [Test]
    public void Neighbouring_bit_patterns_are_told_apart_without_room()
    {
        // All in one bin of every histogram but the last.
        float[] deltas = [.. Enumerable.Range(0, Large).Select(
            i => BitConverter.UInt32BitsToSingle(0x3F800000u + (uint)(i * 7L % 5)))];

        foreach (double density in Densities)
        {
            SelectionRun.Of(deltas, (long)(density * Large), LeastScratch).AssertExact();
        }
    }

    [Test]
    public void Thresholds_do_not_depend_on_threads_or_the_order_of_tiles(
        [Values(LeastScratch, 64 << 20)] long scratchBytes)
    {
        float[] deltas = Grid(Large, seed: 13, levels: 1000);
        SelectionRun first = SelectionRun.Of(deltas, Large / 4, scratchBytes);
        first.AssertExact();

        for (int seed = 1; seed <= 4; seed++)
        {
            SelectionRun other = SelectionRun.Of(deltas, Large / 4, scratchBytes, threads: 1 + seed, seed);
            Assert.That(other.Threshold(0), Is.EqualTo(first.Threshold(0)));
        }
    }

    [Test]
    public void Random_tensors_of_random_shape_agree_with_a_sort()
    {
        var random = new Random(14);
        for (int round = 0; round < 30; round++)
        {
            int elements = 1 + (int)Math.Pow(Large, random.NextDouble());
            float[] deltas = random.Next(2) == 0 ? Bell(elements, round) : Grid(elements, round, 1 + random.Next(50));
            SelectionRun run = SelectionRun.Of(
                deltas, random.NextInt64(elements + 1), random.Next(2) == 0 ? LeastScratch : 1 << 20,
                1 + random.Next(3), round);

            run.AssertExact();
        }
    }

    // Bell-shaped, over several powers of two.
    private static float[] Bell(int elements, int seed)
    {
        var random = new Random(seed);
        float[] values = new float[elements];
        foreach (ref float value in values.AsSpan())
        {
            float uniform = random.NextSingle() - 0.5f;
            value = uniform * uniform * uniform;
        }

        return values;
    }

    // Few different magnitudes, both signs.
    private static float[] Grid(int elements, int seed, int levels)
    {
        var random = new Random(seed);
        float[] values = new float[elements];
        foreach (ref float value in values.AsSpan())
        {
            int level = random.Next(-levels, levels);
            value = 0.25f * (level < 0 ? level : level + 1);
        }

        return values;
    }
}
