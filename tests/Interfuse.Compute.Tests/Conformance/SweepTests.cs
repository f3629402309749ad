using System.Runtime.InteropServices;
using Interfuse.Checkpoints;

namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Sums over elements: float64, in the canonical order of <see cref="TileGrid"/>.</summary>
[EveryDevice]
public class SweepTests(TestDevice device) : DeviceFixture(device)
{
    [Test]
    public void Inner_products_add_in_the_canonical_order_at_any_length_and_alignment(
        [ValueSource(typeof(TensorData), nameof(TensorData.DTypes))] DType dtype)
    {
        foreach (int length in TensorData.Lengths)
        {
            using SideBySide both = SideBySide();
            Place a = both.Add(dtype, TensorData.Stored(dtype, Blocks.Plain(length, 1), 1), length % 2);
            Place b = both.Add(dtype, TensorData.Stored(dtype, Blocks.Plain(length, 2), 2), length % 3);
            both.Same(side => Dot(side, a, b), $"{length} elements");
            both.Same(side => Dot(side, b, b), $"{length} elements with themselves");
        }
    }

    [Test]
    public void Inner_products_have_the_same_bits_for_random_shapes()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            int length = TensorData.RandomLength(random);
            using SideBySide both = SideBySide();
            Place a = Input(both, length, random);
            Place b = Input(both, length, random);
            both.Same(side => Dot(side, a, b), $"seed {seed}: {length} elements");
        }
    }

    [Test]
    public void Sums_over_several_tiles_are_given_tile_by_tile()
    {
        using SideBySide both = SideBySide();
        var random = new Random(1);
        Place a = Input(both, (2 * TileGrid.TileLength) + 1500, random);
        Place b = Input(both, (2 * TileGrid.TileLength) + 1500, random);
        Assert.That(both.Same(side => Dot(side, a, b), "products"), Has.Length.EqualTo(3));
        both.Same(side => MagnitudeSums(side, a, b, new TaskTerm(1f), 0), "magnitudes");
    }

    [Test]
    public void Other_orders_give_other_bits_so_that_the_order_is_proven()
    {
        float[] values = Blocks.Plain(TileGrid.TileLength, 1);
        using DeviceBuffer buffer = Device.Allocate(4 * values.Length);
        DeviceSpan span = buffer.Span(DType.Float32, values.Length);
        Queue.Upload(MemoryMarshal.AsBytes(values.AsSpan()), span);
        var tiles = new DotProducts[1];
        Queue.Dot(span, span, tiles);
        double sequential = values.Sum(value => (double)value * value);
        Assert.That(tiles[0].AA, Is.Not.EqualTo(sequential).And.EqualTo(sequential).Within(1e-10).Percent);
        Assert.That(tiles[0], Is.EqualTo(new DotProducts(tiles[0].AA, tiles[0].AA, tiles[0].AA)));
    }

    [Test]
    public void Magnitudes_before_and_after_thinning_have_the_same_bits_for_random_shapes([Range(0, 3)] int group)
    {
        for (int seed = group * 20; seed < (group + 1) * 20; seed++)
        {
            using SideBySide both = SideBySide();
            var shape = MergeShape.Random(both, seed * 16);
            TaskTerm term = shape.Terms[0];
            both.Same(
                side => MagnitudeSums(side, shape.Base, shape.Experts[0], term, shape.FirstElement), shape.ToString());
        }
    }

    [Test]
    public void Magnitudes_add_in_the_canonical_order_at_any_length()
    {
        foreach (int length in TensorData.Lengths)
        {
            using SideBySide both = SideBySide();
            var random = new Random(length);
            Place a = Input(both, length, random);
            Place b = Input(both, length, random);
            var term = new TaskTerm(
                1f, 1.3f, new TopKThreshold(Formulas.Magnitude(0.5f), length / 2), MergeShape.Drop(random));
            both.Same(side => MagnitudeSums(side, a, b, term, 1L << 34), $"{length} elements");
        }
    }

    private static Place Input(SideBySide both, int length, Random random)
    {
        DType dtype = TensorData.DTypes[random.Next(4)];
        return both.Add(dtype, TensorData.Random(dtype, length, random), random.Next(5));
    }

    private static DotProducts[] Dot(Side side, Place a, Place b)
    {
        var tiles = new DotProducts[TileGrid.TileCount(a.Length)];
        side.Queue.Dot(side[a], side[b], tiles);
        return tiles;
    }

    private static MagnitudeSum[] MagnitudeSums(Side side, Place a, Place b, TaskTerm term, long firstElement)
    {
        var tiles = new MagnitudeSum[TileGrid.TileCount(a.Length)];
        side.Queue.MagnitudeSums(side[a], side[b], term, firstElement, tiles);
        return tiles;
    }
}
