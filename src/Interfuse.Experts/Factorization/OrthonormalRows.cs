namespace Interfuse.Experts.Factorization;

/// <summary>Makes the rows of a matrix orthonormal without changing what they span.</summary>
/// <remarks>
/// Gram-Schmidt in float64, each row against those before it in their order, which is what makes the result independent of
/// the threads. A row that is a combination of those before it, to within rounding, becomes zero.
/// </remarks>
internal static class OrthonormalRows
{
    // Rows that are freed of all earlier ones at the same time.
    private const int Panel = 32;

    // What is left of a row that was a combination of others is rounding: of float64 in a sum of thousands.
    private const double Dependent = 1e-11;

    /// <summary>Makes rows orthonormal in place.</summary>
    /// <param name="matrix">The rows.</param>
    /// <param name="times">
    /// How often a row is freed of those before it. Twice is orthogonal to float64's precision whatever the rows are; once
    /// is enough for a basis that only has to keep the span (Giraud et al., 2005).
    /// </param>
    /// <param name="threads">On how many threads.</param>
    public static void Make(HostMatrix matrix, int times, int threads)
    {
        int columns = matrix.Columns;
        double[][] rows = new double[matrix.Rows][];
        double[] norms = new double[matrix.Rows];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
        for (int start = 0; start < rows.Length; start += Panel)
        {
            int first = start;
            int end = Math.Min(start + Panel, rows.Length);
            Parallel.For(first, end, options, row =>
            {
                rows[row] = new double[columns];
                HostSums.Widen(matrix[row], rows[row]);
                norms[row] = Math.Sqrt(HostSums.Dot(rows[row], rows[row]));
                for (int time = 0; time < times; time++)
                {
                    Free(rows, row, 0, first);
                }
            });

            for (int row = first; row < end; row++)
            {
                for (int time = 0; time < times; time++)
                {
                    Free(rows, row, first, row);
                }

                double norm = Math.Sqrt(HostSums.Dot(rows[row], rows[row]));
                double factor = norm > Dependent * norms[row] ? 1 / norm : 0;
                foreach (ref double value in rows[row].AsSpan())
                {
                    value *= factor;
                }
            }
        }

        for (int row = 0; row < rows.Length; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                matrix[row][column] = (float)rows[row][column];
            }
        }
    }

    private static void Free(double[][] rows, int row, int from, int to)
    {
        for (int other = from; other < to; other++)
        {
            HostSums.AddScaled(-HostSums.Dot(rows[other], rows[row]), rows[other], rows[row]);
        }
    }
}
