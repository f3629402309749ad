namespace Interfuse.Experts.Analysis;

/// <summary>How the experts' task vectors (expert minus base) compare, over one tensor or several.</summary>
/// <param name="Parameters">How many parameters were compared.</param>
/// <param name="Gram">The inner products of the task vectors, [N, N], symmetric.</param>
/// <param name="BaseEnergy">The squared norm of the base's values.</param>
/// <param name="Contested">How many parameters at least two experts changed: deltas other than 0, and not NaN.</param>
/// <param name="Conflicting">Of these, how many were raised by one expert and lowered by another.</param>
public sealed record DeltaStatistics(
    long Parameters, IReadOnlyList<double> Gram, double BaseEnergy, long Contested, long Conflicting)
{
    /// <summary>N.</summary>
    public int Experts => (int)Math.Sqrt(Gram.Count);

    /// <summary>
    /// The sign-conflict ratio, 0 to 1: of the parameters that at least two experts changed, the share where two changes
    /// differ in sign; null where there are none.
    /// </summary>
    public double? Conflict => Contested == 0 ? null : (double)Conflicting / Contested;

    /// <summary>The norm of an expert's task vector; null where that isn't a finite number.</summary>
    public double? Norm(int expert) => Finite(Math.Sqrt(Gram[(expert * Experts) + expert]));

    /// <summary>The norm of an expert's task vector over that of the base; null where that isn't a finite number.</summary>
    public double? RelativeNorm(int expert) => Finite(Math.Sqrt(Gram[(expert * Experts) + expert] / BaseEnergy));

    /// <summary>
    /// The cosine of the angle between two task vectors, -1 to 1; null where one is zero or isn't finite.
    /// </summary>
    public double? Cosine(int first, int second)
    {
        double energies = Math.Sqrt(Gram[(first * Experts) + first]) * Math.Sqrt(Gram[(second * Experts) + second]);
        double? cosine = Finite(Gram[(first * Experts) + second] / energies);
        return cosine is { } value ? Math.Clamp(value, -1, 1) : null;
    }

    /// <summary>The mean of the cosines of all pairs that have one; null where none has.</summary>
    public double? MeanCosine()
    {
        double sum = 0;
        int count = 0;
        for (int e = 1; e < Experts; e++)
        {
            for (int f = 0; f < e; f++)
            {
                sum += Cosine(e, f) ?? 0;
                count += Cosine(e, f) is null ? 0 : 1;
            }
        }

        return count == 0 ? null : sum / count;
    }

    /// <summary>What holds for several tensors together, as if they were one.</summary>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public static DeltaStatistics Sum(IEnumerable<DeltaStatistics> parts) => parts.Aggregate((a, b) => new DeltaStatistics(
        a.Parameters + b.Parameters,
        [.. a.Gram.Zip(b.Gram, (x, y) => x + y)],
        a.BaseEnergy + b.BaseEnergy,
        a.Contested + b.Contested,
        a.Conflicting + b.Conflicting));

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
