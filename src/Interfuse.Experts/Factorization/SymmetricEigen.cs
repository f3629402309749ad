using System.Numerics;
using MathNet.Numerics.Providers.LinearAlgebra;

namespace Interfuse.Experts.Factorization;

/// <summary>Eigenvalues and vectors of a symmetric matrix, by Math.NET Numerics.</summary>
/// <remarks>
/// The provider written in C# is asked by name, so that a native library that happens to be installed changes nothing, nor
/// the settings of the process. It computes on one thread, in float64, by Householder and QL, with square roots as the only
/// function: the same bits everywhere.
/// </remarks>
internal static class SymmetricEigen
{
    /// <summary>The eigenvectors, those of the largest eigenvalues first.</summary>
    /// <param name="matrix">[order, order], finite. Overwritten.</param>
    /// <param name="order">Its rows.</param>
    /// <returns>[order, order]: an eigenvector in each row, of length 1.</returns>
    public static double[] Vectors(double[] matrix, int order)
    {
        double[] columns = new double[order * order];
        ManagedLinearAlgebraProvider.Instance.EigenDecomp(
            true, order, matrix, columns, new Complex[order], new double[order * order]);

        // They stand in columns, ascending, in the library's order of columns: one after the other.
        double[] rows = new double[order * order];
        for (int k = 0; k < order; k++)
        {
            columns.AsSpan((order - 1 - k) * order, order).CopyTo(rows.AsSpan(k * order));
        }

        return rows;
    }
}
