using Interfuse.Merging.Planning;

namespace Interfuse.Experts.Encoders;

/// <summary>How the experts' contradictions become one figure.</summary>
internal enum ConflictMeasure
{
    /// <summary>The mean over all pairs of experts of the share of opposite signs among those that both have.</summary>
    Pairwise,

    /// <summary>
    /// Of the elements where at least two experts have a sign, the share where any two are opposite.
    /// </summary>
    Any,
}

/// <summary>Where experts contradict each other: the counts of <see cref="Compute.DeviceQueue.CountConflicts"/>.</summary>
internal sealed record LayerConflict(int Experts, long[] Counts)
{
    /// <summary>Of several matrices together.</summary>
    public static LayerConflict Sum(IEnumerable<LayerConflict> parts) => parts.Aggregate((a, b) =>
        new LayerConflict(a.Experts, [.. a.Counts.Zip(b.Counts, (x, y) => x + y)]));

    /// <summary>From 0, no contradiction, to 1; pairs that have nothing in common count as 0.</summary>
    public double Ratio(ConflictMeasure measure)
    {
        if (measure == ConflictMeasure.Any)
        {
            return Share(Counts[^1], Counts[^2]);
        }

        int pairs = Experts * (Experts - 1) / 2;
        double sum = 0;
        for (int pair = 0; pair < pairs; pair++)
        {
            sum += Share(Counts[(2 * pair) + 1], Counts[2 * pair]);
        }

        return pairs == 0 ? 0 : sum / pairs;
    }

    private static double Share(long part, long all) => all == 0 ? 0 : (double)part / all;
}

/// <summary>A layer: all weight matrices with its number, which are decided about together.</summary>
internal sealed class MediatorLayer
{
    private MediatorLayer(string stack, int number, int[] tensors, double conflict)
    {
        Stack = stack;
        Number = number;
        Tensors = tensors;
        Conflict = conflict;
    }

    /// <summary>What the names of its tensors begin with, without the last dot.</summary>
    public string Name => $"{Stack}{Number}";

    /// <summary>Its matrices, by their place in the plan.</summary>
    public IReadOnlyList<int> Tensors { get; }

    /// <summary>How much the experts contradict each other, 0 to 1.</summary>
    public double Conflict { get; }

    /// <summary>Whether every expert keeps elements of its own.</summary>
    public bool IsRouted { get; set; }

    private string Stack { get; }

    private int Number { get; }

    /// <summary>The layers of a plan, in their order.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="measures">What was measured of each whole matrix.</param>
    /// <param name="measure">How that becomes one figure.</param>
    public static MediatorLayer[] Of(PackPlan plan, IReadOnlyList<LayerConflict?> measures, ConflictMeasure measure) =>
    [
        .. Enumerable.Range(0, plan.TensorCount)
            .Where(tensor => plan.Tensors[tensor].IsWhole)
            .GroupBy(tensor =>
            {
                _ = LayerNames.TrySplit(plan.Tensors[tensor].Spec.Name, out string stack, out int number, out _);
                return (Stack: stack, Number: number);
            })
            .Select(layer => new MediatorLayer(
                layer.Key.Stack,
                layer.Key.Number,
                [.. layer],
                LayerConflict.Sum(layer.Select(tensor => measures[tensor]!)).Ratio(measure)))
            .OrderBy(layer => layer.Stack, StringComparer.Ordinal)
            .ThenBy(layer => layer.Number),
    ];
}
