namespace Interfuse.Experts.Factorization;

/// <summary>
/// The leading singular values of a matrix E [m, n] and what belongs to them: <c>E ~ left^T right</c>, with left = U S
/// and right = V^T.
/// </summary>
/// <param name="Left">[r, m]: row k is the k-th left singular vector times the singular value.</param>
/// <param name="Right">[r, n]: row k is the k-th right singular vector, or zero where the singular value is.</param>
/// <param name="Values">[r]: the singular values, the largest first (but for rounding).</param>
/// <param name="Energy">The squared norm of E.</param>
/// <param name="ExpectedFactor">
/// What the error is expected to be at most (Frobenius norm), as a multiple of the least error that any matrix of this rank
/// has: 1 where the decomposition is exact.
/// </param>
internal sealed record SingularParts(
    HostMatrix Left, HostMatrix Right, double[] Values, double Energy, double ExpectedFactor)
{
    /// <summary>r.</summary>
    public int Rank => Values.Length;

    /// <summary>
    /// The squared norm of what the first ones leave out, computed, not estimated: with orthonormal vectors it is the energy
    /// of E less that of the projection.
    /// </summary>
    /// <param name="rank">How many are kept, 0 to r.</param>
    public double Residual(int rank)
    {
        double kept = 0;
        for (int k = 0; k < rank; k++)
        {
            kept += Values[k] * Values[k];
        }

        return Math.Max(0, Energy - kept);
    }
}
