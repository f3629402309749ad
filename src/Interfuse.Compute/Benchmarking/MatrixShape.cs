namespace Interfuse.Compute.Benchmarking;

/// <summary>A weight matrix.</summary>
/// <param name="Channels">Its rows.</param>
/// <param name="Columns">Elements in a row.</param>
internal readonly record struct MatrixShape(long Channels, long Columns)
{
    private const long UsualColumns = 4096;
    private const long LeastColumns = 64;

    public long Elements => Channels * Columns;

    /// <summary>A matrix of about as many elements: rows of 4096, shorter where those were less than 16.</summary>
    public static MatrixShape Of(long elements)
    {
        long columns = Math.Min(Math.Clamp(elements / 16, LeastColumns, UsualColumns), elements);
        return new MatrixShape(elements / columns, columns);
    }
}
