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
