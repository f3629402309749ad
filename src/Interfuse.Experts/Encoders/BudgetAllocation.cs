using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>Spends what a budget leaves on the rows of the grouped matrices.</summary>
internal static class BudgetAllocation
{
    /// <summary>Decides how the grouped matrices are stored.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="measures">What was measured of each matrix, with the Gram matrices of the grouped ones.</param>
    /// <param name="share">The share of the ensemble's bytes that the whole pack may take, tables included.</param>
    /// <param name="stored">The other matrices; receives the grouped ones.</param>
    /// <exception cref="RecipeException">One row per channel takes more than the budget.</exception>
    public static void Fill(
        PackPlan plan, IReadOnlyList<MatrixMeasure?> measures, double share, Span<StoredTensor?> stored)
    {
        int experts = plan.Experts.Count;
        List<int> grouped = [];
        long taken = 0;
        for (int tensor = 0; tensor < stored.Length; tensor++)
        {
            PlannedMatrix matrix = plan.Tensors[tensor];
            if (stored[tensor] is { } other)
            {
                taken += other.TotalBytes(experts);
            }
            else
            {
                grouped.Add(tensor);
                taken += TableBytes(matrix, experts);
            }
        }

        long budget = (long)(share * plan.EnsembleBytes) - taken;
        ChannelMatrix[] matrices = [.. grouped.Select(tensor => measures[tensor]!.ToChannels())];
        var scales = new ExpertScales(matrices, experts);
        var allocator = new ChannelBudget(
            matrices.Select(matrix => scales.Scale(matrix)), experts, plan.Options.Threads);
        if (budget < allocator.LeastBytes)
        {
            double least = (double)(taken + allocator.LeastBytes) / plan.EnsembleBytes;
            plan.Recipe.Parameters.TryGet("budget", out Parameter? parameter);
            throw new RecipeException(
                parameter!.Location,
                $"'budget' is {share}, but one row per channel and what is not grouped take {Math.Ceiling(least * 1000) / 1000} of the ensemble's bytes; give at least that much");
        }

        ChannelAllocation allocation = allocator.Allocate(budget);
        for (int i = 0; i < grouped.Count; i++)
        {
            byte[] groups = ByUnit(allocation.Matrices[i].Assignment, experts);
            stored[grouped[i]] = new StoredMatrix(
                plan.Tensors[grouped[i]], IsShared: false, groups, measures[grouped[i]]!.Twins,
                measures[grouped[i]]!.EnergiesOf(groups));
        }
    }

    private static long TableBytes(PlannedMatrix matrix, int experts) =>
        matrix.Channels * experts * PackLayout.TableEntryBytes;

    private static byte[] ByUnit(byte[] assignment, int experts)
    {
        int units = assignment.Length / experts;
        byte[] groups = new byte[assignment.Length];
        for (int expert = 0; expert < experts; expert++)
        {
            for (int unit = 0; unit < units; unit++)
            {
                groups[(unit * experts) + expert] = assignment[(expert * units) + unit];
            }
        }

        return groups;
    }
}
