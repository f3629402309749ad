using System.Globalization;
using Interfuse.Experts;

namespace Interfuse.Cli;

/// <summary>The layers of a pack whose method decided about them: conflict, decision, bytes and energy kept.</summary>
internal static class LayerTable
{
    /// <summary>The table, or nothing where there are no layers.</summary>
    public static IEnumerable<string> Of(IReadOnlyList<PackLayerSummary> layers)
    {
        if (layers.Count == 0)
        {
            yield break;
        }

        int width = Math.Max(5, layers.Max(layer => Messages.OneLine(layer.Name).Length));
        string Line(string name, string conflict, string decision, string bytes, string kept) =>
            $"  {name.PadRight(width)}  {conflict,8}  {decision,-8}  {bytes,10}  {kept,9}";

        yield return string.Join('\n',
        [
            "Layers",
            Line("", "conflict", "decision", "bytes", "kept"),
            .. layers.Select(layer => Line(
                Messages.OneLine(layer.Name),
                layer.Conflict.ToString("0.0000", CultureInfo.InvariantCulture),
                layer.Routed ? "routed" : "averaged",
                Sizes.Format(layer.Bytes),
                PackReport.Percent(layer.EnergyKept))),
        ]);
    }
}
