namespace Interfuse.Experts.Factorization;

/// <summary>A matrix [rows, columns] of float32 on the host, row by row.</summary>
/// <remarks>
/// Rows are kept apart, so a matrix may have any number of elements. What is summed over them is summed in float64, in the
/// order of <see cref="HostSums"/> within pieces of <see cref="Piece"/> columns and piece by piece, on any number of
/// threads.
/// </remarks>
internal sealed class HostMatrix
{
    // Columns of all rows that are widened at a time: they stay in the caches near the core.
    private const int Piece = 256;

    private readonly float[][] _rows;

    public HostMatrix(int rows, int columns)
    {
        _rows = new float[rows][];
        for (int row = 0; row < rows; row++)
        {
            _rows[row] = new float[columns];
        }

        Columns = columns;
    }

    public int Rows => _rows.Length;

    public int Columns { get; }

    public float[] this[int row] => _rows[row];

    /// <summary>The inner products of all rows with each other, [rows, rows].</summary>
    public double[] Gram(int threads)
    {
        double[] gram = new double[Rows * Rows];
        double[] widened = new double[Rows * Piece];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
        for (int start = 0; start < Columns; start += Piece)
        {
            int first = start;
            int length = Math.Min(Piece, Columns - start);
            Widen(first, length, widened);
            Parallel.For(0, Rows, options, i =>
            {
                for (int j = 0; j <= i; j++)
                {
                    gram[(i * Rows) + j] +=
                        HostSums.Dot(widened.AsSpan(i * Piece, length), widened.AsSpan(j * Piece, length));
                }
            });
        }

        for (int i = 0; i < Rows; i++)
        {
            for (int j = 0; j < i; j++)
            {
                gram[(j * Rows) + i] = gram[(i * Rows) + j];
            }
        }

        return gram;
    }

    /// <summary>Weighted sums of the rows: row k of the result is <c>sum over i of weights[k, i] * row i</c>.</summary>
    /// <param name="weights">[count, rows].</param>
    /// <param name="count">How many sums.</param>
    /// <param name="threads">On how many threads.</param>
    public HostMatrix Combine(double[] weights, int count, int threads)
    {
        var result = new HostMatrix(count, Columns);
        double[] widened = new double[Rows * Piece];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
        for (int start = 0; start < Columns; start += Piece)
        {
            int first = start;
            int length = Math.Min(Piece, Columns - start);
            Widen(first, length, widened);
            Parallel.For(0, count, options, k =>
            {
                Span<double> sum = stackalloc double[Piece];
                sum = sum[..length];
                sum.Clear();
                for (int i = 0; i < Rows; i++)
                {
                    HostSums.AddScaled(weights[(k * Rows) + i], widened.AsSpan(i * Piece, length), sum);
                }

                Span<float> row = result[k].AsSpan(first, length);
                for (int j = 0; j < length; j++)
                {
                    row[j] = (float)sum[j];
                }
            });
        }

        return result;
    }

    /// <summary>The squared norm of a row.</summary>
    public double Energy(int row)
    {
        double energy = 0;
        Span<double> widened = stackalloc double[Piece];
        for (int start = 0; start < Columns; start += Piece)
        {
            Span<double> piece = widened[..Math.Min(Piece, Columns - start)];
            HostSums.Widen(_rows[row].AsSpan(start, piece.Length), piece);
            energy += HostSums.Dot(piece, piece);
        }

        return energy;
    }

    /// <summary>Multiplies a row by a number.</summary>
    public void Scale(int row, double factor)
    {
        foreach (ref float value in _rows[row].AsSpan())
        {
            value = (float)(value * factor);
        }
    }

    private void Widen(int start, int length, double[] widened)
    {
        for (int row = 0; row < Rows; row++)
        {
            HostSums.Widen(_rows[row].AsSpan(start, length), widened.AsSpan(row * Piece, length));
        }
    }
}
