using Interfuse.Merging.Planning;

namespace Interfuse.Experts;

/// <summary>How much of what fine-tuning changed a pack has kept: 1 where nothing is lost.</summary>
/// <param name="Layer">The layer's number, or null for all that is outside layers, or for the whole model.</param>
/// <param name="PerExpert">
/// For each expert the share of its delta energy that is kept, 1 minus lost by delta; null where nothing is known, or
/// something is lost that the expert had no energy in.
/// </param>
/// <param name="All">The same over all experts together.</param>
public sealed record KeptEnergy(int? Layer, IReadOnlyList<double?> PerExpert, double? All)
{
    /// <summary>The whole model's.</summary>
    public static KeptEnergy OfModel(PackManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return Of(null, manifest.Tensors, manifest.Experts.Count);
    }

    /// <summary>Each layer's in order, and last what is outside the layers; only those that something is known
    /// of.</summary>
    /// <remarks>Layers of several stacks with one number count as one.</remarks>
    public static IReadOnlyList<KeptEnergy> OfLayers(PackManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return
        [
            .. manifest.Tensors
                .Where(tensor => tensor.DeltaEnergy is not null && tensor.LostEnergy is not null)
                .GroupBy(tensor => LayerNames.TrySplit(tensor.Name, out _, out int layer, out _) ? layer : (int?)null)
                .OrderBy(group => group.Key ?? int.MaxValue)
                .Select(group => Of(group.Key, group, manifest.Experts.Count)),
        ];
    }

    private static KeptEnergy Of(int? layer, IEnumerable<PackTensorEntry> tensors, int experts)
    {
        double[] delta = new double[experts];
        double[] lost = new double[experts];
        bool known = false;
        foreach (PackTensorEntry tensor in tensors)
        {
            if (tensor is { DeltaEnergy: { } deltas, LostEnergy: { } losses })
            {
                known = true;
                for (int expert = 0; expert < experts; expert++)
                {
                    delta[expert] += deltas[expert];
                    lost[expert] += losses[expert];
                }
            }
        }

        return known
            ? new KeptEnergy(layer, [.. delta.Zip(lost, Share)], Share(delta.Sum(), lost.Sum()))
            : new KeptEnergy(layer, new double?[experts], null);
    }

    private static double? Share(double delta, double lost) =>
        lost == 0 ? 1 : delta > 0 && double.IsFinite(lost / delta) ? 1 - (lost / delta) : null;
}
