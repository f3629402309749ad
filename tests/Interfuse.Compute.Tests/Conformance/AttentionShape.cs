namespace Interfuse.Compute.Tests.Conformance;

/// <summary>Heads, sequences and tokens for attention.</summary>
/// <param name="Heads">The key-value heads.</param>
/// <param name="Group">The query heads of each.</param>
/// <param name="HeadLength">The elements of a head.</param>
internal sealed record AttentionShape(int Heads, int Group, int HeadLength)
{
    /// <summary>How many positions of each sequence are filled.</summary>
    public IReadOnlyList<int> Lengths { get; init; } = [1];

    /// <summary>Where tokens ask, in every sequence as far as it goes; none for each sequence's last position.</summary>
    public IReadOnlyList<int> Positions { get; init; } = [0];

    public int Window { get; init; } = int.MaxValue;

    public int Offset { get; init; }

    public Func<int, int, float[]> Keys { get; init; } = Blocks.Plain;

    public Func<int, int, float[]> Values { get; init; } = Blocks.Plain;

    public float Scale => 1f / MathF.Sqrt(HeadLength);

    /// <summary>[S, P]: pages of the sequences in no order, some of which no position is in.</summary>
    public int[] ShuffledPages(out int count)
    {
        int perSequence = ((Lengths.Max() - 1) / KeyValuePages.Length) + 1;
        int[] pages = [.. Enumerable.Range(0, (Lengths.Count * perSequence) + 1)];
        new Random(HeadLength).Shuffle(pages);
        count = pages.Length;
        return pages[1..];
    }

    public override string ToString() =>
        $"{Heads} x {Group} heads of {HeadLength}, lengths {string.Join(' ', Lengths)}, window {Window}, offset {Offset}";
}
