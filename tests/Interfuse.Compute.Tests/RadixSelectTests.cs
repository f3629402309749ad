using Interfuse.Compute.Selection;

namespace Interfuse.Compute.Tests;

[Parallelizable(ParallelScope.All)]
internal sealed class RadixSelectTests
{
    [Test]
    public void Every_rank_of_any_values_in_any_pieces_agrees_with_a_sort(
        [Values(1u, 3u, 1u << 10, 1u << 20, 1u << 31)] uint range)
    {
        var random = new Random((int)(range % 1000));
        for (int count = 1; count < 60; count++)
        {
            uint[] values = [.. Enumerable.Range(0, count).Select(_ => (uint)random.NextInt64(range))];
            int cut = random.Next(count + 1);
            ArraySegment<uint>[] parts = [new(values, 0, cut), default, new(values, cut, count - cut)];
            uint[] descending = [.. values.OrderDescending()];

            (uint, long)[] wide = [.. Enumerable.Range(1, count).Select(rank => Select(parts, rank, 0, int.MaxValue))];
            (uint, long)[] tight = [.. Enumerable.Range(1, count).Select(
                rank => Select(parts, rank, descending[^1], descending[0]))];

            Assert.That(
                wide, Is.EqualTo(descending.Select(value => (value, (long)descending.Count(other => other > value)))));
            Assert.That(tight, Is.EqualTo(wide));
        }
    }

    [Test]
    public void Values_at_the_edges_of_the_digits_are_told_apart()
    {
        uint[] values = [0, 1, (1 << 10) - 1, 1 << 10, (1 << 20) - 1, 1 << 20, int.MaxValue - 1, int.MaxValue];

        uint[] selected = [.. Enumerable.Range(1, values.Length).Select(
            rank => Select([values], rank, 0, int.MaxValue).Value)];

        Assert.That(selected, Is.EqualTo(values.Reverse()));
    }

    private static (uint Value, long Above) Select(ArraySegment<uint>[] parts, long rank, uint low, uint high)
    {
        uint value = RadixSelect.NthLargest(parts, rank, low, high, out long above);
        return (value, above);
    }
}
