namespace Interfuse.Compute.Benchmarking;

/// <summary>Some elements of a tensor.</summary>
/// <param name="Start">The first, which begins a tile of <see cref="TileGrid"/>.</param>
/// <param name="Length">How many.</param>
internal readonly record struct Part(long Start, long Length)
{
    // Up to here results are compared as a whole: what a scalar reference does in a second or two.
    private const long WholeLength = 1L << 22;
    private const long PartLength = 1L << 20;

    /// <summary>The parts of a tensor whose results are compared: all of a small one; of a large one the beginning, a
    /// middle and the end.</summary>
    public static IReadOnlyList<Part> ToVerify(long elements) => elements <= WholeLength
        ? [new Part(0, elements)]
        : [new Part(0, PartLength), new Part(TileStart(elements / 2), PartLength), Last(elements)];

    /// <summary>Pieces that make up a tensor.</summary>
    public static IEnumerable<Part> All(long elements)
    {
        for (long start = 0; start < elements; start += WholeLength)
        {
            yield return new Part(start, Math.Min(WholeLength, elements - start));
        }
    }

    private static Part Last(long elements)
    {
        long start = TileStart(elements - PartLength + TileGrid.TileLength - 1);
        return new Part(start, elements - start);
    }

    private static long TileStart(long element) => element / TileGrid.TileLength * TileGrid.TileLength;
}
