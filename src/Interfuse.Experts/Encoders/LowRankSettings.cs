using Interfuse.Checkpoints;

namespace Interfuse.Experts.Encoders;

/// <summary>What decides about the rank of a matrix.</summary>
internal enum RankRule
{
    /// <summary>A number.</summary>
    Rank,

    /// <summary>A share of the shorter side.</summary>
    Share,

    /// <summary>A share of the energy of each expert's own part, which is to be kept.</summary>
    Energy,

    /// <summary>A share of the ensemble's bytes for the whole pack.</summary>
    Budget,
}

/// <summary>What a recipe says of a matrix of low rank.</summary>
/// <param name="Rule">What decides about the rank.</param>
/// <param name="Value">The number or share that the rule speaks of.</param>
/// <param name="KeepsCheaper">Whether the experts' own matrices are kept where they cost no more than the factors.</param>
/// <param name="Shared">How the shared matrix is merged.</param>
internal sealed record LowRankSettings(RankRule Rule, double Value, bool KeepsCheaper, SharedMerge Shared)
{
    // What is tried first where the energy decides.
    private const double FirstShare = 0.1;

    /// <summary>Whether the values of a matrix decide about its rank.</summary>
    public bool Measures => Rule is RankRule.Energy or RankRule.Budget;

    /// <summary>The settings of a matrix.</summary>
    public static LowRankSettings Of(PlannedMatrix matrix) => (LowRankSettings)matrix.Settings!;

    /// <summary>The highest rank that a matrix may get; 0 where even one singular value costs more than keeping it.</summary>
    public int MaxRank(PlannedMatrix matrix, int experts)
    {
        long side = Math.Min(matrix.Channels, matrix.Columns);
        return (int)(KeepsCheaper ? Math.Min(CheaperRank(matrix, experts), side) : side);
    }

    /// <summary>The rank that the recipe names, whatever the values.</summary>
    public int NamedRank(PlannedMatrix matrix)
    {
        long side = Math.Min(matrix.Channels, matrix.Columns);

        // In decimal, so that 0.29 of 100 is 29.
        decimal rank = Rule == RankRule.Rank ? (decimal)Value : (decimal)Value * side;
        return (int)Math.Clamp((long)rank, 1, side);
    }

    /// <summary>What is tried first where the energy decides about the rank.</summary>
    public static int FirstRank(PlannedMatrix matrix) =>
        (int)Math.Max(1, FirstShare * Math.Min(matrix.Channels, matrix.Columns));

    /// <summary>What one more singular value of every expert costs.</summary>
    public static long BytesPerRank(PlannedMatrix matrix, int experts) =>
        experts * (matrix.Channels + matrix.Columns) * matrix.Spec.DType.Size();

    /// <summary>What every expert's own matrix costs, with the table.</summary>
    public static long KeptBytes(PlannedMatrix matrix, int experts) =>
        experts * (matrix.Spec.ByteLength + (matrix.Channels * PackLayout.TableEntryBytes));

    // The highest rank at which shared matrix and factors cost less than the experts' own matrices.
    private static long CheaperRank(PlannedMatrix matrix, int experts) => Math.Max(
        0, (KeptBytes(matrix, experts) - matrix.Spec.ByteLength - 1) / BytesPerRank(matrix, experts));
}

/// <summary>The rank that was decided on.</summary>
/// <param name="Rank">r.</param>
/// <param name="Limit">
/// The singular values that are computed: those that were when it was decided, so that the same ones come out again.
/// </param>
internal sealed record LowRankChoice(int Rank, int Limit);

/// <summary>What was measured of a matrix.</summary>
/// <param name="Limit">How many singular values there are of each expert.</param>
/// <param name="Values">Per expert, the leading singular values of its own part.</param>
/// <param name="Energies">Per expert, the squared norm of its own part.</param>
internal sealed record LowRankSpectra(int Limit, double[][] Values, double[] Energies)
{
    /// <summary>The lowest rank that keeps a share of every expert's energy, or -1 where none of those measured does.</summary>
    public int RankFor(double share)
    {
        int rank = 0;
        for (int expert = 0; expert < Values.Length; expert++)
        {
            double left = Energies[expert];
            double allowed = (1 - share) * Energies[expert];
            int needed = 0;
            while (left > allowed && needed < Limit)
            {
                left -= Values[expert][needed] * Values[expert][needed];
                needed++;
            }

            if (left > allowed)
            {
                return -1;
            }

            rank = Math.Max(rank, needed);
        }

        return rank;
    }
}
