using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>Spends a budget on the ranks of matrices: always where a byte brings most energy.</summary>
/// <remarks>
/// Energies count as shares of what each expert's own parts have in the whole model, so that an expert that has changed
/// little is not passed over. A step is one more singular value of every expert of a matrix; after the last one that is
/// cheaper than keeping the experts' own matrices, it is to keep them. A step that does not fit ends its matrix, and the
/// others go on. Of equal gains the earlier matrix comes first.
/// </remarks>
internal static class LowRankBudget
{
    // How far a matrix may exceed the share of the shorter side that all could have alike: singular values beyond are not
    // computed, which is what makes large matrices affordable.
    private const double MostOverEven = 3;

    /// <summary>How many singular values of a matrix are worth to be known.</summary>
    public static int LimitOf(PackPlan plan, PlannedMatrix matrix, double share)
    {
        int experts = plan.Experts.Count;
        double least = plan.Tensors.Sum(tensor => tensor.Spec.ByteLength);
        double full = plan.Tensors.Where(tensor => tensor.IsWhole).Sum(tensor =>
            (double)Math.Min(tensor.Channels, tensor.Columns) * LowRankSettings.BytesPerRank(tensor, experts));
        double even = ((share * plan.EnsembleBytes) - least) / full;
        double rank = Math.Ceiling(MostOverEven * even * Math.Min(matrix.Channels, matrix.Columns));
        return (int)Math.Clamp(rank, 0, LowRankSettings.Of(matrix).MaxRank(matrix, experts));
    }

    /// <summary>Decides about the ranks.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="otherBytes">What the other tensors take.</param>
    /// <param name="share">The share of the ensemble's bytes that the pack may take.</param>
    /// <param name="spectra">What was measured, by the place in the plan; nulls of other tensors.</param>
    /// <returns>The rank of each of them; -1 where the experts' own matrices are kept.</returns>
    /// <exception cref="RecipeException">The shared matrices alone take more than the budget.</exception>
    public static int[] Spend(PackPlan plan, long otherBytes, double share, IReadOnlyList<LowRankSpectra?> spectra)
    {
        int experts = plan.Experts.Count;
        int[] whole = [.. Enumerable.Range(0, spectra.Count).Where(tensor => spectra[tensor] is not null)];
        long taken = otherBytes + whole.Sum(tensor => plan.Tensors[tensor].Spec.ByteLength);
        long left = (long)(share * plan.EnsembleBytes) - taken;
        if (left < 0)
        {
            double least = (double)taken / plan.EnsembleBytes;
            plan.Recipe.Parameters.TryGet("budget", out Parameter? parameter);
            throw new RecipeException(
                parameter!.Location,
                $"'budget' is {share}, but the shared matrices and what is not of low rank take {Math.Ceiling(least * 1000) / 1000} of the ensemble's bytes; give at least that much");
        }

        double[] scales = Scales(whole.Select(tensor => spectra[tensor]!), experts);
        int[] ranks = new int[spectra.Count];
        var steps = new PriorityQueue<int, (double Gain, int Tensor)>();
        foreach (int tensor in whole)
        {
            Offer(tensor);
        }

        while (steps.TryDequeue(out int tensor, out _))
        {
            (int rank, long bytes, _) = NextStep(tensor)!.Value;
            if (bytes <= left)
            {
                left -= bytes;
                ranks[tensor] = rank;
                Offer(tensor);
            }
        }

        return ranks;

        void Offer(int tensor)
        {
            if (NextStep(tensor) is { Gain: > 0 } step)
            {
                steps.Enqueue(tensor, (-step.Gain / Math.Max(step.Bytes, 1), tensor));
            }
        }

        (int Rank, long Bytes, double Gain)? NextStep(int tensor)
        {
            PlannedMatrix matrix = plan.Tensors[tensor];
            LowRankSpectra measured = spectra[tensor]!;
            int rank = ranks[tensor];
            if (rank < 0)
            {
                return null;
            }

            double gain = 0;
            if (rank < measured.Limit)
            {
                for (int expert = 0; expert < experts; expert++)
                {
                    gain += scales[expert] * measured.Values[expert][rank] * measured.Values[expert][rank];
                }

                return (rank + 1, LowRankSettings.BytesPerRank(matrix, experts), gain);
            }

            LowRankSettings settings = LowRankSettings.Of(matrix);
            if (!settings.KeepsCheaper || measured.Limit < settings.MaxRank(matrix, experts))
            {
                return null;
            }

            for (int expert = 0; expert < experts; expert++)
            {
                double kept = measured.Values[expert].Sum(value => value * value);
                gain += scales[expert] * Math.Max(0, measured.Energies[expert] - kept);
            }

            long factors = matrix.Spec.ByteLength + (rank * LowRankSettings.BytesPerRank(matrix, experts));
            return (-1, LowRankSettings.KeptBytes(matrix, experts) - factors, gain);
        }
    }

    private static double[] Scales(IEnumerable<LowRankSpectra> spectra, int experts)
    {
        double[] totals = new double[experts];
        foreach (LowRankSpectra measured in spectra)
        {
            for (int expert = 0; expert < experts; expert++)
            {
                totals[expert] += measured.Energies[expert];
            }
        }

        return Array.ConvertAll(totals, total => total > 0 ? 1 / total : 0);
    }
}
