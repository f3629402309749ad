using Interfuse.Merging.Selection;

namespace Interfuse.Merging.Tests.Selection;

[Parallelizable(ParallelScope.All)]
internal sealed class RadixSelectTests
{
    [Test]
    public void Every_rank_of_any_values_in_any_pieces_agrees_with_a_sort([Values(1u, 3u, 1u << 10, 1u << 20, 1u << 31)] uint range)
    {
        var random = new Random((int)(range % 1000));
        for (int count = 1; count < 60; count++)
        {
            uint[] values = [.. Enumerable.Range(0, count).Select(_ => (uint)random.NextInt64(range))];
            int cut = random.Next(count + 1);
            ArraySegment<uint>[] parts = [new(values, 0, cut), default, new(values, cut, count - cut)];
            uint[] descending = [.. values.OrderDescending()];

            uint[] selected = [.. Enumerable.Range(1, count).Select(rank => RadixSelect.NthLargest(parts, rank))];

            Assert.That(selected, Is.EqualTo(descending));
        }
    }

    [Test]
    public void Values_at_the_edges_of_the_digits_are_told_apart()
    {
        uint[] values = [0, 1, (1 << 10) - 1, 1 << 10, (1 << 20) - 1, 1 << 20, int.MaxValue - 1, int.MaxValue];

        uint[] selected = [.. Enumerable.Range(1, values.Length).Select(rank => RadixSelect.NthLargest([values], rank))];

        Assert.That(selected, Is.EqualTo(values.Reverse()));
    }
}
