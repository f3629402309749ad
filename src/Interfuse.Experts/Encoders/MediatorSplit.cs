using Interfuse.Merging.Recipes;

namespace Interfuse.Experts.Encoders;

/// <summary>Which layers keep the experts apart.</summary>
/// <param name="Beta">Those whose conflict is above the mean by so many standard deviations; 0 where nothing is said.</param>
/// <param name="TopK">So many with the most conflict.</param>
/// <param name="Budget">As many, the most conflicting first, as the pack may take of the ensemble's bytes.</param>
/// <param name="Location">Where the recipe says so.</param>
internal sealed record MediatorSplit(double? Beta, int? TopK, double? Budget, SourceLocation? Location)
{
    /// <summary>Routes layers.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="layers">All layers in their order; of equal conflict the earlier one comes first.</param>
    /// <param name="otherBytes">What the other tensors take.</param>
    /// <exception cref="RecipeException">Averages of all layers take more than the budget.</exception>
    public void Route(PackPlan plan, MediatorLayer[] layers, long otherBytes)
    {
        if (TopK is { } count)
        {
            foreach (MediatorLayer layer in ByConflict(layers).Take(count))
            {
                layer.IsRouted = true;
            }
        }
        else if (Budget is { } share)
        {
            Fill(plan, layers, otherBytes, share);
        }
        else
        {
            RouteAbove(layers, Beta ?? 0);
        }
    }

    // The deviation is that of the layers there are, not an estimate for others.
    private static void RouteAbove(MediatorLayer[] layers, double beta)
    {
        // Equal layers have no outlier, whatever rounding makes of their mean.
        if (layers.Length == 0 || Array.TrueForAll(layers, layer => layer.Conflict == layers[0].Conflict))
        {
            return;
        }

        double mean = layers.Average(layer => layer.Conflict);
        double deviation = Math.Sqrt(layers.Average(layer => (layer.Conflict - mean) * (layer.Conflict - mean)));
        foreach (MediatorLayer layer in layers)
        {
            layer.IsRouted = layer.Conflict > mean + (beta * deviation);
        }
    }

    // A layer that doesn't fit any more is passed over; one without conflict has nothing to keep apart.
    private void Fill(PackPlan plan, MediatorLayer[] layers, long otherBytes, double share)
    {
        int experts = plan.Experts.Count;
        long averaged = layers.Sum(layer => layer.Tensors.Sum(tensor => plan.Tensors[tensor].Spec.ByteLength));
        long left = (long)(share * plan.EnsembleBytes) - otherBytes - averaged;
        if (left < 0)
        {
            double least = (double)(otherBytes + averaged) / plan.EnsembleBytes;
            throw new RecipeException(
                Location!,
                $"'budget' is {share}, but with all layers averaged the pack takes {Math.Ceiling(least * 1000) / 1000} of the ensemble's bytes; give at least that much");
        }

        foreach (MediatorLayer layer in ByConflict(layers).Where(layer => layer.Conflict > 0))
        {
            long more = layer.Tensors.Sum(tensor =>
                SparseMatrix.Stored(plan, plan.Tensors[tensor], experts).TotalBytes(experts) - plan.Tensors[tensor].Spec.ByteLength);
            if (more <= left)
            {
                layer.IsRouted = true;
                left -= more;
            }
        }
    }

    private static IEnumerable<MediatorLayer> ByConflict(MediatorLayer[] layers) =>
        layers.OrderByDescending(layer => layer.Conflict);
}
