namespace Interfuse.Experts.Encoders;

/// <summary>Some consecutive rows of a planned matrix, small enough to be held for all experts at once.</summary>
/// <param name="Tensor">The matrix's place in the plan.</param>
/// <param name="Index">The chunk's place among those of its matrix.</param>
/// <param name="FirstRow">The first row.</param>
/// <param name="Rows">How many; whole heads, where heads stay together.</param>
internal readonly record struct MatrixChunk(int Tensor, int Index, long FirstRow, int Rows)
{
    // Elements of a chunk, unless one row or head has more. The same everywhere: sums over chunks must not depend on
    // threads or device.
    private const long Elements = 1 << 18;

    /// <summary>Cuts a matrix.</summary>
    public static IEnumerable<MatrixChunk> Of(PlannedMatrix matrix, int tensor)
    {
        if (matrix.Spec.ElementCount == 0)
        {
            yield break;
        }

        long units = Math.Max(1, Elements / (matrix.Columns * matrix.HeadRows));
        int rows = checked((int)Math.Min(units * matrix.HeadRows, matrix.Channels));
        int index = 0;
        for (long first = 0; first < matrix.Channels; first += rows)
        {
            yield return new MatrixChunk(tensor, index++, first, (int)Math.Min(rows, matrix.Channels - first));
        }
    }
}
