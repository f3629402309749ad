namespace Interfuse.Compute.Benchmarking;

/// <summary>Some elements of a tensor.</summary>
/// <param name="Start">The first.</param>
/// <param name="Length">How many.</param>
internal readonly record struct Part(long Start, long Length)
{
    // Up to here results are compared as a whole: what a scalar reference does in a second or two.
    private const long WholeLength = 1L << 22;
    private const long PartLength = 1L << 20;

    /// <summary>
    /// The parts of a tensor whose results are compared: all of a small one; of a large one the beginning, a middle and
    /// the end. Each begins a tile of <see cref="TileGrid"/>.
    /// </summary>
    public static IReadOnlyList<Part> ToVerify(long elements) => elements <= WholeLength
        ? [new Part(0, elements)]
        : [new Part(0, PartLength), new Part(TileStart(elements / 2), PartLength), Last(elements)];

    /// <summary>The same of a matrix, in rows.</summary>
    /// <param name="channels">How many rows it has.</param>
    /// <param name="columns">Elements in a row, of all tensors that are compared.</param>
    public static IReadOnlyList<Part> RowsToVerify(long channels, long columns)
    {
        long rows = Math.Max(1, PartLength / columns);
        return channels <= 4 * rows
            ? [new Part(0, channels)]
            : [new Part(0, rows), new Part(channels / 2, rows), new Part(channels - rows, rows)];
    }

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
