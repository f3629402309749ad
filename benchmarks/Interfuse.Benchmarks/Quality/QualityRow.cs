using System.Globalization;

namespace Interfuse.Benchmarks.Quality;

/// <summary>A row of the table.</summary>
/// <param name="Name">What was asked.</param>
/// <param name="Shares">The share of prompts answered, by task.</param>
/// <param name="Bytes">The bytes of the weights.</param>
internal sealed record QualityRow(string Name, IReadOnlyList<double> Shares, long Bytes)
{
    public double Mean => Shares.Average();

    /// <summary>The row, beside the experts on their own tasks.</summary>
    public string ToMarkdown(QualityRow experts) => string.Create(
        CultureInfo.InvariantCulture,
        $"| {Name} | {string.Join(" | ", Shares.Select(share => (100 * share).ToString("0", CultureInfo.InvariantCulture)))} "
        + $"| {100 * Mean:0.0} | {100 * Mean / experts.Mean:0.0} % | {Bytes / 1e6:0.00} MB, {100.0 * Bytes / experts.Bytes:0.0} % |");
}

/// <summary>A row of the table of routed packs.</summary>
/// <param name="Pack">The pack.</param>
/// <param name="Chooser">Who chose the expert.</param>
/// <param name="Tasks">The share of the experts' prompts answered.</param>
/// <param name="Mixed">The same, all four tasks in turn in one batch.</param>
/// <param name="Strange">The share of prompts answered that are the base's, no expert's.</param>
/// <param name="Doubted">Of these the share that no single expert was trusted with.</param>
internal sealed record RoutedRow(string Pack, string Chooser, double Tasks, double? Mixed, double? Strange, double? Doubted)
{
    public string ToMarkdown() =>
        $"| {Pack} | {Chooser} | {Percent(Tasks)} | {Percent(Mixed)} | {Percent(Strange)} | {Percent(Doubted)} |";

    private static string Percent(double? share) =>
        share is { } value ? (100 * value).ToString("0.0", CultureInfo.InvariantCulture) : "";
}
