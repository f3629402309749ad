namespace Interfuse.Experts;

/// <summary>A layer that the pack's method decided about as a whole, and what came of it.</summary>
/// <param name="Name">What the names of its tensors begin with, without the last dot.</param>
/// <param name="Conflict">How much the experts contradict each other in it, 0 to 1.</param>
/// <param name="Routed">Whether every expert has its own of the layer's weight matrices, or one average stands for all.</param>
/// <param name="Bytes">What all of the layer's tensors take, norms and biases included.</param>
/// <param name="EnergyKept">
/// The share of all experts' delta energy in the layer that is kept; null where nothing is known.
/// </param>
public sealed record PackLayerSummary(string Name, double Conflict, bool Routed, long Bytes, double? EnergyKept)
{
    /// <summary>The layers of a pack in their order; none where its method does not decide about layers.</summary>
    /// <param name="manifest">What the pack's <c>pack.json</c> says.</param>
    /// <param name="bytes">What each of its tensors takes, tables and parts included.</param>
    /// <exception cref="ArgumentException">There are not as many.</exception>
    public static IReadOnlyList<PackLayerSummary> Of(PackManifest manifest, IReadOnlyList<long> bytes)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Count, manifest.Tensors.Count, nameof(bytes));
        return [.. (manifest.Layers ?? []).Select(layer =>
        {
            int[] tensors = [.. Enumerable.Range(0, bytes.Count).Where(
                tensor => manifest.Tensors[tensor].Name.StartsWith(layer.Name + ".", StringComparison.Ordinal))];
            PackManifest alone = manifest with { Tensors = [.. tensors.Select(tensor => manifest.Tensors[tensor])] };
            return new PackLayerSummary(
                layer.Name, layer.Conflict, layer.Routed, tensors.Sum(tensor => bytes[tensor]), KeptEnergy.OfModel(alone).All);
        })];
    }
}
