namespace Interfuse.Experts.Tests.Factorization;

/// <summary>Singular values by one-sided Jacobi rotations: slow, simple and accurate.</summary>
internal static class Jacobi
{
    /// <summary>All singular values, the largest first.</summary>
    public static double[] SingularValues(double[][] matrix)
    {
        int columns = matrix[0].Length;

        // The fewer vectors, the longer ones.
        double[][] vectors = matrix.Length <= columns
            ? [.. matrix.Select(row => (double[])row.Clone())]
            : [.. Enumerable.Range(0, columns).Select(j => Array.ConvertAll(matrix, row => row[j]))];
        bool isTurning = true;
        for (int sweep = 0; isTurning && sweep < 40; sweep++)
        {
            isTurning = false;
            for (int p = 0; p < vectors.Length; p++)
            {
                for (int q = p + 1; q < vectors.Length; q++)
                {
                    isTurning |= Rotate(vectors[p], vectors[q]);
                }
            }
        }

        return [.. vectors.Select(vector => Math.Sqrt(vector.Sum(value => value * value))).OrderDescending()];
    }

    // Makes two vectors orthogonal; says whether they were not.
    private static bool Rotate(double[] a, double[] b)
    {
        (double aa, double bb, double ab) = (0, 0, 0);
        for (int i = 0; i < a.Length; i++)
        {
            aa += a[i] * a[i];
            bb += b[i] * b[i];
            ab += a[i] * b[i];
        }

        if (Math.Abs(ab) <= 1e-12 * Math.Sqrt(aa * bb))
        {
            return false;
        }

        double zeta = (bb - aa) / (2 * ab);
        double tangent = Math.CopySign(1, zeta) / (Math.Abs(zeta) + Math.Sqrt(1 + (zeta * zeta)));
        double cosine = 1 / Math.Sqrt(1 + (tangent * tangent));
        double sine = cosine * tangent;
        for (int i = 0; i < a.Length; i++)
        {
            (a[i], b[i]) = ((cosine * a[i]) - (sine * b[i]), (sine * a[i]) + (cosine * b[i]));
        }

        return true;
    }
}
