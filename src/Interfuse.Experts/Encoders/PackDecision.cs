using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Encoders;

/// <summary>Decides, from what was measured, how each matrix is stored.</summary>
internal static class PackDecision
{
    /// <summary>
    /// Whether a matrix is stored in groups of rows whatever its values are; or, by a <see cref="MatrixMethod"/>, whole.
    /// </summary>
    public static bool IsGrouped(PlannedMatrix matrix) => matrix.Grouping is { } grouping
        && matrix.Spec.ElementCount > 0
        && (grouping.Storage == TensorStorage.Grouped
            || (grouping.Storage == TensorStorage.Auto && IsProjection(matrix)));

    /// <summary>Lays the pack out.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="measures">What was measured of each matrix; null of those that are copied or whole.</param>
    /// <param name="wholeMeasures">What was measured of each whole matrix.</param>
    /// <param name="budget">The share of the ensemble's bytes to stay within, or null.</param>
    public static PackLayout Decide(
        PackPlan plan, IReadOnlyList<MatrixMeasure?> measures, IReadOnlyList<object?> wholeMeasures, double? budget)
    {
        var stored = new StoredTensor?[plan.Tensors.Count];
        for (int tensor = 0; tensor < stored.Length; tensor++)
        {
            if (!plan.Tensors[tensor].IsWhole && (!IsGrouped(plan.Tensors[tensor]) || budget is null))
            {
                stored[tensor] = Store(plan.Tensors[tensor], measures[tensor]);
            }
        }

        if (budget is { } share)
        {
            BudgetAllocation.Fill(plan, measures, share, stored);
        }

        IReadOnlyList<PackLayerEntry>? layers = plan.Method is MatrixMethod method
            ? method.Decide(
                plan, stored.Sum(tensor => tensor?.TotalBytes(plan.Experts.Count) ?? 0), wholeMeasures, stored)
            : null;
        return new PackLayout(plan, stored!, layers);
    }

    private static StoredMatrix Store(PlannedMatrix matrix, MatrixMeasure? measure)
    {
        if (measure is null)
        {
            return new StoredMatrix(matrix, IsShared: true, [], [], null);
        }

        TensorGrouping grouping = matrix.Grouping!.Value;
        bool isShared = grouping.Storage == TensorStorage.Shared
            || (grouping.Storage == TensorStorage.Auto && !IsGrouped(matrix) && measure.Disagreement() <= grouping.ShareWithin);
        return isShared
            ? new StoredMatrix(
                matrix, IsShared: true, [], measure.IsOneForAll ? measure.Twins : [], measure.SharedEnergies())
            : new StoredMatrix(matrix, IsShared: false, measure.Groups, measure.Twins, measure.GroupedEnergies());
    }

    // A weight matrix inside a layer.
    private static bool IsProjection(PlannedMatrix matrix) => matrix.Spec.Shape.Length >= 2
        && LayerNames.TrySplit(matrix.Spec.Name, out _, out _, out _);
}
