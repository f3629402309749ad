namespace Interfuse.Experts.Factorization;

/// <summary>The truncated singular value decomposition of a matrix on a device.</summary>
/// <remarks>
/// <para>
/// Matrices with a side of up to <see cref="ExactSide"/>, and those nearly all of whose singular values are wanted, are
/// decomposed exactly: by the eigenvectors of the Gram matrix of the shorter side, in float64. Nothing is lost by the
/// squares in it, since the other factor is the matrix itself turned by these orthonormal vectors.
/// </para>
/// <para>
/// Of others the range is found first (Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4): r + p random
/// directions, with p = 10 + r / 10, are sent through the matrix, and twice more through it and back, made orthonormal each
/// time; then what the matrix is within that range is decomposed exactly. Without these power iterations the expected error
/// is at most <c>sqrt(1 + r / (p - 1))</c> times the least possible (theorem 10.5 there; Frobenius norm); with them it is
/// within two percent of it in the tests. What it came to is <see cref="SingularParts.Residual"/>.
/// </para>
/// <para>
/// Products with the matrix are the device's, sums over vectors are made in float64 on the host, both in a fixed order, and
/// the eigenvectors come from one thread of C#: the result depends on the matrix, the rank, the seed and the stream alone.
/// </para>
/// </remarks>
internal static class TruncatedSvd
{
    /// <summary>The side up to which decompositions are exact.</summary>
    public const int ExactSide = 256;

    private const int PowerIterations = 2;

    /// <summary>Decomposes.</summary>
    /// <param name="matrix">The matrix, all of whose elements are finite.</param>
    /// <param name="rank">How many singular values are wanted, at least 1 and at most as many as the matrix has.</param>
    /// <param name="seed">The seed of the random directions.</param>
    /// <param name="stream">The stream they are drawn from.</param>
    /// <param name="threads">On how many threads of the host; changes nothing.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public static SingularParts Decompose(
        DifferenceMatrix matrix, int rank, ulong seed, ulong stream, int threads, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, matrix.Side);
        double energy = matrix.Energy();
        if (energy == 0)
        {
            return new SingularParts(
                new HostMatrix(rank, matrix.Rows), new HostMatrix(rank, matrix.Columns), new double[rank], 0, 1);
        }

        // A, which is E or its transpose, has no more rows than columns.
        bool isTurned = matrix.Rows > matrix.Columns;
        HostMatrix? range = IsExact(matrix.Side, rank)
            ? null
            : Range(matrix, isTurned, rank, seed, stream, threads, cancellation);
        HostMatrix within = range is null
            ? matrix.ToHost(isTurned)
            : matrix.Multiply(range, transposed: !isTurned);
        cancellation.ThrowIfCancellationRequested();
        double[] vectors = SymmetricEigen.Vectors(within.Gram(threads), within.Rows);
        cancellation.ThrowIfCancellationRequested();
        HostMatrix longVectors = within.Combine(vectors, rank, threads);
        HostMatrix shortVectors = range is null
            ? Leading(vectors, within.Rows, rank)
            : range.Combine(vectors, rank, threads);

        // The long vectors have the singular values in them, wherever these belong.
        double[] values = new double[rank];
        for (int k = 0; k < rank; k++)
        {
            values[k] = Math.Sqrt(longVectors.Energy(k));
            if (values[k] == 0)
            {
                shortVectors.Scale(k, 0);
            }
            else if (!isTurned)
            {
                longVectors.Scale(k, 1 / values[k]);
                shortVectors.Scale(k, values[k]);
            }
        }

        (HostMatrix left, HostMatrix right) = isTurned ? (longVectors, shortVectors) : (shortVectors, longVectors);
        return new SingularParts(
            left, right, values, energy, range is null ? 1 : Math.Sqrt(1 + (rank / (Oversampling(rank) - 1.0))));
    }

    /// <summary>Whether so many singular values of a matrix with this shorter side are found exactly.</summary>
    public static bool IsExact(int side, int rank) => side <= ExactSide || rank + Oversampling(rank) >= side;

    /// <summary>
    /// The most bytes that a decomposition takes at a time besides the matrix, of the device's memory and of the host's.
    /// </summary>
    public static long BytesFor(TensorMatrix matrix, int rank)
    {
        (long side, long length) = (Math.Min(matrix.Rows, matrix.Columns), Math.Max(matrix.Rows, matrix.Columns));
        bool isExact = IsExact((int)side, rank);
        long vectors = isExact ? side : rank + Oversampling(rank);
        long device = isExact
            ? sizeof(float) * length
            : DifferenceMatrix.BytesFor(matrix, (int)vectors);
        long host = (sizeof(float) * (vectors + rank) * (length + side))
            + (sizeof(double) * ((4 * vectors * vectors) + (vectors * side)))
            + (5L * sizeof(float) << 22);
        return device + host;
    }

    private static int Oversampling(int rank) => 10 + (rank / 10);

    // Orthonormal rows that nearly span what the leading left singular vectors of A do.
    private static HostMatrix Range(
        DifferenceMatrix matrix,
        bool isTurned,
        int rank,
        ulong seed,
        ulong stream,
        int threads,
        CancellationToken cancellation)
    {
        var directions = new HostMatrix(rank + Oversampling(rank), Math.Max(matrix.Rows, matrix.Columns));
        for (int row = 0; row < directions.Rows; row++)
        {
            // Streams are hashes, so those that follow are nobody else's.
            RandomNormals.Fill(seed, unchecked(stream + (ulong)row), directions[row]);
        }

        HostMatrix range = matrix.Multiply(directions, isTurned);
        for (int iteration = 0; iteration < PowerIterations; iteration++)
        {
            cancellation.ThrowIfCancellationRequested();
            OrthonormalRows.Make(range, times: 1, threads);
            HostMatrix back = matrix.Multiply(range, !isTurned);
            range = matrix.Multiply(back, isTurned);
        }

        cancellation.ThrowIfCancellationRequested();
        OrthonormalRows.Make(range, times: 2, threads);
        return range;
    }

    private static HostMatrix Leading(double[] vectors, int order, int rank)
    {
        var leading = new HostMatrix(rank, order);
        for (int k = 0; k < rank; k++)
        {
            for (int i = 0; i < order; i++)
            {
                leading[k][i] = (float)vectors[(k * order) + i];
            }
        }

        return leading;
    }
}
